/** The pages of uploads: send files, understand one, check it, take it in, undo it. Each part works on its own element. */
import { drawFindings } from "./uploads/findings.js";
import { Receiver } from "./uploads/receive.js";
import { offerUndo } from "./uploads/undo.js";
import { Wizard } from "./uploads/wizard.js";

const form = document.getElementById("upload-form");
if (form) new Receiver(form);

const wizard = document.getElementById("wizard");
if (wizard) new Wizard(wizard).start();

const findings = document.getElementById("findings");
if (findings) drawFindings(findings);

const undo = document.getElementById("undo");
if (undo) offerUndo(undo);
