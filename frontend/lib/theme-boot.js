/** Runs before the first paint: puts the chosen theme on the root element, so that no page flashes in the other one. */
import { applyTheme } from "./theme.js";

applyTheme();
