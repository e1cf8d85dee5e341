/* commands.h - the functions behind the command table, one per cmd_*.c. */
#ifndef VANTA_CLI_COMMANDS_H
#define VANTA_CLI_COMMANDS_H

int cmd_setup(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
