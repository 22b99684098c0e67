/* A stand-in for journald, at the real one's address, in a mount namespace of the test's own. */
#ifndef ISCEP_TESTS_FAKE_JOURNALD_H
#define ISCEP_TESTS_FAKE_JOURNALD_H

#define FAKE_JOURNALD_MAX_LEN 65536

/* Nobody else on the machine sees what is mounted here; it goes with the process, and each test is one. Skips the test
 * without root. */
void fake_journald_hide_the_real_one(void);
int fake_journald_listen(void);
/* The next entry, as text, in journald's native protocol; it must be there. */
void fake_journald_receive(int journald, char out[FAKE_JOURNALD_MAX_LEN]);
/* It went away. */
void fake_journald_close(int journald);

#endif
