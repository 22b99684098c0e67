/* See fake_journald.h. */
#include "tests/support/fake_journald.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};

void fake_journald_hide_the_real_one(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) != 0)
        cr_skip_test("only root can mount");
    cr_assert_eq(mkdir("/run/systemd", 0755), 0);
    cr_assert_eq(mkdir("/run/systemd/journal", 0755), 0);
}

int fake_journald_listen(void)
{
    int journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(journald, 0);
    cr_assert_eq(bind(journald, (const struct sockaddr *)&address, sizeof address), 0);
    return journald;
}

void fake_journald_receive(int journald, char out[FAKE_JOURNALD_MAX_LEN])
{
    const ssize_t len = recv(journald, out, FAKE_JOURNALD_MAX_LEN - 1, MSG_DONTWAIT);
    cr_assert_gt(len, 0, "no entry came");
    out[len] = '\0';
}

void fake_journald_close(int journald)
{
    close(journald);
    cr_assert_eq(unlink(address.sun_path), 0);
}
