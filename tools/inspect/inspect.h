/** `wend inspect`: what a segment's bytes are spent on. */
#ifndef WEND_TOOLS_INSPECT_H
#define WEND_TOOLS_INSPECT_H

/**
 * argv[0] is the command's name. Words: a table of the store (-d DIR or $WEND_DIR), or segment files.
 * Options: --json, --row-groups, --pages, --segment UUID. Prints to standard output; returns the exit
 * code: 0 done, 1 could not, 2 used wrongly, 3 data damaged.
 */
int wend_cmd_inspect(int argc, char **argv);

#endif
