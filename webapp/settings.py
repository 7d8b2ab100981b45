"""Settings of the project, read from the environment; every value has a safe default or fails loudly.

Secrets may also come from a file: give `NAME_FILE` with its path instead of `NAME`.
`docs/settings.md` lists every variable; a test holds the two together.
"""

import ipaddress
import re
from importlib.util import find_spec
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# --- Security -------------------------------------------------------------------------------------
DEBUG = env.bool("HAECHI_DEBUG", default=False)
SECRET_KEY = env.str("HAECHI_SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "HAECHI_SECRET_KEY is not set. `./run` makes one under .local/; "
        "elsewhere set HAECHI_SECRET_KEY or HAECHI_SECRET_KEY_FILE."
    )
ALLOWED_HOSTS = env.list("HAECHI_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("HAECHI_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("HAECHI_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # one long shift
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# --- Applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "webapp.common",
    "webapp.accounts",
    "webapp.audit",
    "webapp.crimes",
    "webapp.imports",
    "webapp.forecasts",
    "webapp.cameras",
    "webapp.watch",
    "webapp.maps",
    "webapp.live",
    "webapp.api",
    "webapp.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "webapp.common.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webapp.common.middleware.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.common.middleware.ErrorPageMiddleware",
]

ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.accounts.context.jurisdiction",
            ],
        },
    }
]


# --- Database -------------------------------------------------------------------------------------
def _bundled_library(name: str, pattern: str) -> str:
    """Path of the one shared library a wheel bundles under a hashed name (`NAME.libs/PATTERN`).

    The package is not imported: pyogrio brings pandas and pyarrow, 86 MB in every process.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ImproperlyConfigured(f"The package {name} is not installed; requirements.txt names it.")
    package = Path(spec.origin).resolve().parent
    found = sorted((package.parent / f"{package.name}.libs").glob(pattern))
    if len(found) != 1:
        raise ImproperlyConfigured(
            f"Expected one {pattern} beside {package}, found {len(found)}. "
            f"Install the wheel of {package.name}, not a source build."
        )
    return str(found[0])


# GeoDjango loads GDAL and GEOS from the wheels, so that no system package is needed for them.
GDAL_LIBRARY_PATH = _bundled_library("pyogrio", "libgdal-*")
GEOS_LIBRARY_PATH = _bundled_library("shapely", "libgeos_c-*")

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgis:///haechi", engine="django.contrib.gis.db.backends.postgis")}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("HAECHI_CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis and Celery -----------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "haechi"}}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True  # results live in the database, written in one transaction by the service
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 4 * 3600
CELERY_TASK_SOFT_TIME_LIMIT = 4 * 3600 - 120
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 5 * 3600,  # above the longest time limit
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "webapp.imports.tasks.*": {"queue": "ingest"},
    "webapp.forecasts.tasks.*": {"queue": "train"},
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    # Hourly, because each jurisdiction has its own time zone and shift hours; the task does nothing where a fresh run is there.
    "refresh-forecasts": {"task": "webapp.forecasts.tasks.refresh_forecasts", "schedule": 3600.0},
    # Several times a day, so that a week's training is not missed where beat was down; it does nothing where one is young enough.
    "retrain-models": {"task": "webapp.forecasts.tasks.retrain_models", "schedule": 6 * 3600.0},
    # Daily, although it watches whole weeks: reports that come late change weeks that were watched before.
    "watch-drift": {"task": "webapp.forecasts.tasks.watch_all_drift", "schedule": 86_400.0},
    # Daily, although weights are learnt weekly, so that a week is not missed where beat was down.
    "learn-live-weights": {"task": "webapp.forecasts.tasks.learn_live_weights", "schedule": 86_400.0},
    # Received files that nobody took in for a month, and pieces of files that never came whole.
    "clean-uploads": {"task": "webapp.imports.tasks.clean_uploads", "schedule": 86_400.0},
    # Keeps a published plan for the slot that is on; never replaces one that a person published.
    "plan-next-slots": {"task": "webapp.watch.tasks.plan_next_slots", "schedule": 600.0},
    # Hourly, so that no thumbnail outlives its hours by more than one; days of events are made ahead and dropped.
    "keep-events": {"task": "webapp.cameras.tasks.keep_events", "schedule": 3600.0},
    # Every quarter of an hour, so that an hour is counted soon after its end, and again for what came late.
    "count-places": {"task": "webapp.cameras.tasks.count_places", "schedule": 900.0},
    # Alerts that nobody looked at for half a day are closed; all go after HAECHI_ALERT_DAYS.
    "drop-old-alerts": {"task": "webapp.watch.tasks.drop_old_alerts", "schedule": 3600.0},
}

# --- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "maps:map"
LOGOUT_REDIRECT_URL = "accounts:login"

# --- Language and time ----------------------------------------------------------------------------
LANGUAGES = [("ko", "한국어"), ("en", "English")]
LANGUAGE_CODE = env.str("HAECHI_LANGUAGE", default="ko")
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"HAECHI_LANGUAGE is {LANGUAGE_CODE!r}; it must be one of: {', '.join(dict(LANGUAGES))}.")
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # the database's; pages show the jurisdiction's own zone

# --- Files ----------------------------------------------------------------------------------------
DATA_DIR = env.path("HAECHI_DATA_DIR", default=str(BASE_DIR / ".local" / "data"))
UPLOAD_DIR = Path(str(DATA_DIR)) / "uploads"
MODEL_DIR = Path(str(DATA_DIR)) / "models"
UPLOAD_MAX_BYTES = env.int("HAECHI_UPLOAD_MAX_BYTES", default=4 * 1024**3)
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
STATIC_URL = "/static/"
STATIC_ROOT = Path(str(env.path("HAECHI_STATIC_ROOT", default=str(BASE_DIR / ".local" / "static"))))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = True

# --- Models ---------------------------------------------------------------------------------------
RETRAIN_DAYS = env.int("HAECHI_RETRAIN_DAYS", default=7)
TRIAL_WEEKS = env.int("HAECHI_TRIAL_WEEKS", default=8)
DRIFT_GRACE_DAYS = env.int("HAECHI_DRIFT_GRACE_DAYS", default=3)
for _name, _number, _low, _high in (
    ("RETRAIN_DAYS", RETRAIN_DAYS, 1, 365),
    ("TRIAL_WEEKS", TRIAL_WEEKS, 4, 52),
    ("DRIFT_GRACE_DAYS", DRIFT_GRACE_DAYS, 0, 60),
):
    if not _low <= _number <= _high:
        raise ImproperlyConfigured(f"HAECHI_{_name} is {_number}; it must be from {_low} to {_high}.")

# --- Live -----------------------------------------------------------------------------------------
ALERT_DAYS = env.int("HAECHI_ALERT_DAYS", default=90)
if not 1 <= ALERT_DAYS <= 3650:
    raise ImproperlyConfigured(f"HAECHI_ALERT_DAYS is {ALERT_DAYS}; it must be from 1 to 3650.")

# --- Camera events --------------------------------------------------------------------------------
STREAM_KEY = env.str("HAECHI_STREAM_KEY", default="")  # seals secrets at rest; derived from the secret key where empty
EVENT_DAYS = env.int("HAECHI_EVENT_DAYS", default=30)
THUMBNAIL_HOURS = env.int("HAECHI_THUMBNAIL_HOURS", default=72)
EVENT_LATE_MINUTES = env.int("HAECHI_EVENT_LATE_MINUTES", default=10)
EVENT_DEDUPE_MINUTES = env.int("HAECHI_EVENT_DEDUPE_MINUTES", default=10)
EVENT_STREAM_MAX = env.int("HAECHI_EVENT_STREAM_MAX", default=1_000_000)
MQTT_URL = env.str("HAECHI_MQTT_URL", default="")
for _name, _number, _low, _high in (
    ("EVENT_DAYS", EVENT_DAYS, 1, 3650),
    ("THUMBNAIL_HOURS", THUMBNAIL_HOURS, 0, 720),
    ("EVENT_LATE_MINUTES", EVENT_LATE_MINUTES, 1, 360),
    ("EVENT_DEDUPE_MINUTES", EVENT_DEDUPE_MINUTES, 1, 1440),
    ("EVENT_STREAM_MAX", EVENT_STREAM_MAX, 1000, 100_000_000),
):
    if not _low <= _number <= _high:
        raise ImproperlyConfigured(f"HAECHI_{_name} is {_number}; it must be from {_low} to {_high}.")
if MQTT_URL and not MQTT_URL.startswith(("mqtt://", "mqtts://")):
    raise ImproperlyConfigured("HAECHI_MQTT_URL must start with mqtt:// or mqtts://.")

# --- Video streams --------------------------------------------------------------------------------
# Cameras stand in private networks. Loopback, link-local and metadata addresses are reached only where they are named.
STREAM_NETWORKS = env.list("HAECHI_STREAM_NETWORKS", default=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"])
STREAM_DIR = Path(env.str("HAECHI_STREAM_DIR", default="") or Path(str(DATA_DIR)) / "clips")
DETECTOR_DIR = MODEL_DIR / "detectors"
for _name in STREAM_NETWORKS:
    try:
        ipaddress.ip_network(_name.strip())
    except ValueError:
        raise ImproperlyConfigured(
            f"HAECHI_STREAM_NETWORKS names {_name!r}, which is no network such as 10.0.0.0/8 (bits after the mask must be 0)."
        ) from None

# --- Geocoding ------------------------------------------------------------------------------------
# No service is asked unless its key is set: control centres are closed networks.
VWORLD_KEY = env.str("HAECHI_VWORLD_KEY", default="")
VWORLD_URL = env.str("HAECHI_VWORLD_URL", default="https://api.vworld.kr")
VWORLD_DAILY = env.int("HAECHI_VWORLD_DAILY", default=40_000)
KAKAO_KEY = env.str("HAECHI_KAKAO_KEY", default="")
KAKAO_URL = env.str("HAECHI_KAKAO_URL", default="https://dapi.kakao.com")
KAKAO_DAILY = env.int("HAECHI_KAKAO_DAILY", default=100_000)
JUSO_KEY = env.str("HAECHI_JUSO_KEY", default="")
JUSO_COORDINATE_KEY = env.str("HAECHI_JUSO_COORDINATE_KEY", default="")
JUSO_URL = env.str("HAECHI_JUSO_URL", default="https://business.juso.go.kr")
JUSO_DAILY = env.int("HAECHI_JUSO_DAILY", default=10_000)
GEOCODING_TIMEOUT_S = env.float("HAECHI_GEOCODING_TIMEOUT", default=5.0)
GEOCODING_STORE = env.list("HAECHI_GEOCODING_STORE", default=["juso"])
for _name, _url in (("VWORLD", VWORLD_URL), ("KAKAO", KAKAO_URL), ("JUSO", JUSO_URL)):
    if not _url.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"HAECHI_{_name}_URL is {_url!r}; it must start with https:// or http://.")
if _unknown := set(GEOCODING_STORE) - {"vworld", "kakao", "juso"}:
    raise ImproperlyConfigured(f"HAECHI_GEOCODING_STORE names {', '.join(sorted(_unknown))}; known are juso, kakao, vworld.")

# --- Live channel ---------------------------------------------------------------------------------
# "": there is none, and the map shows the forecast only. "/": the same origin, behind a proxy. ":8001": the page's own
# host on that port. Else the channel's full origin.
LIVE_URL = env.str("HAECHI_LIVE_URL", default="").rstrip()
LIVE_ORIGINS = env.list("HAECHI_LIVE_ORIGINS", default=[])
LIVE_PAGES = env.int("HAECHI_LIVE_PAGES", default=2000)
if not re.fullmatch(r"|/|:\d{1,5}|https?://[\w.\-\[\]:]+/?", LIVE_URL):
    raise ImproperlyConfigured(f'HAECHI_LIVE_URL is {LIVE_URL!r}; it must be empty, "/", ":PORT" or an origin like https://host.')

# --- API ------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "webapp.common.pagination.Pages",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "webapp.common.errors.api_exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Haechi",
    "DESCRIPTION": "Where and when crime is likely, and which cameras to watch because of it. Places and times, never persons.",
    "VERSION": "v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StateEnum": "webapp.imports.models.Upload.State",
        "VersionStateEnum": "webapp.forecasts.models.ModelVersion.State",
        "WeightsStateEnum": "webapp.forecasts.models_live.LiveWeights.State",
        "WeightsVerdictEnum": "webapp.forecasts.models_live.LiveWeights.Verdict",
        "RulingVerdictEnum": "webapp.crimes.models.Ruling.Verdict",
        "UploadKindEnum": "webapp.imports.models.Upload.Kind",
        "StreamKindEnum": "webapp.cameras.models_streams.Stream.Kind",
    },
}

# --- Log ------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("HAECHI_LOG_LEVEL", default="INFO")},
}
