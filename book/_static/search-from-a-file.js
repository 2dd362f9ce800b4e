// Opened from a file, the search may not read the pages that it finds: it then shows them without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
