/* commands.h - the functions behind the command table, one per cmd_*.c. */
#ifndef VANTA_CLI_COMMANDS_H
#define VANTA_CLI_COMMANDS_H

int cmd_catalog(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_setup(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_path(int argc, char **argv);
int cmd_add(int argc, char **argv);
int cmd_remove(int argc, char **argv);
int cmd_setup(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_registry(int argc, char **argv);
int cmd_catalog(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
