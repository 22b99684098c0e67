/* A configuration in a directory of the test's own, with the files that it names. */
#ifndef ISCEP_TESTS_CONFIG_CASE_H
#define ISCEP_TESTS_CONFIG_CASE_H

#include "daemon/config.h"

/*
 * In the directory, which stands for "~" in a text: secret ("the-secret"), token, token2 (32 characters each), hook (base64 of 32
 * bytes), and after config_case_make_keys server.pem, server.key and ca.pem, all good until 2100, and other.key.
 */
void config_case_set_up(void);
void config_case_tear_down(void);
void config_case_make_keys(void);
/* Writes another file. */
void config_case_write(const char *name, const char *text);

/* Borrowed until the next call. */
const char *config_case_path(const char *name);
iscep_status config_case_load(iscep_config **out, const char *text, iscep_error *err);
/* Fails the test if it does not load. Gone with the next call, and at the end. */
const iscep_config *config_case_good(const char *text);
/*
 * text is refused; the message names the file, holds want (":LINE: …" where a line can be told), is one line, and tells no
 * secret.
 */
void config_case_refused(const char *text, const char *want);

/* A tenant with a credential of its own, 4 lines. */
#define CONFIG_CASE_TENANT(name)                                                                             \
    "[tenant/" name "]\ntenant_id = " name ".example\nclient_id = app\nclient_secret_file = ~/secret\n"

#endif
