// The operator's portal: its navigation's menus. They open without it.

import "./menus.js";
