/** Calls of the site's own API. Nothing here ever leaves the site. */

/** An answer other than 2xx, with the sentence meant for the person. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {string} code
   */
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @returns {string} */
function csrfToken() {
  return document.querySelector("meta[name=csrf-token]")?.content ?? "";
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function errorOf(response) {
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? interpolate(gettext("The server answered with error %s. Try again in a moment."), [response.status]);
  return new ApiError(message, response.status, body?.error?.code ?? "error");
}

/**
 * @param {string} address
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function call(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(gettext("The server cannot be reached. Check the connection and try again."), 0, "offline");
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/**
 * @param {string} address
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function getJson(address, options) {
  return (await call(address, options)).json();
}

/**
 * @param {string} address
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<ArrayBuffer>}
 */
export async function getBytes(address, options = {}) {
  return (await call(address, { ...options, headers: { Accept: "*/*" } })).arrayBuffer();
}

/**
 * @param {string} address
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function postJson(address, body = {}) {
  return sendJson("POST", address, body);
}

/**
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} address
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function sendJson(method, address, body = {}) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken() };
  const response = await call(address, { method, headers, body: JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
}

/**
 * Send a form with files, reporting how much has been sent.
 * @param {string} address
 * @param {FormData} form
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<any>} the answer; rejects with ApiError
 */
export function postForm(address, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.response);
      const error = request.response?.error;
      const fallback = interpolate(gettext("The server answered with error %s. Try again in a moment."), [request.status]);
      reject(new ApiError(error?.message ?? fallback, request.status, error?.code ?? "error"));
    });
    const offline = gettext("The server cannot be reached. Check the connection and try again.");
    request.addEventListener("error", () => reject(new ApiError(offline, 0, "offline")));
    request.send(form);
  });
}
