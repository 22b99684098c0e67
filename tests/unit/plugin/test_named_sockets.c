/* In a forked child: the ends of one Unix socket are closed, and nothing else. Closing is tried in this process itself. */
#include "plugin/direct/named_sockets.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket that is listened on, and both ends of a connection to it. */
typedef struct ends {
    int listening, accepted, connected;
} ends;

static ends make_ends(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ends made = {.listening = socket(AF_UNIX, SOCK_STREAM, 0), .connected = socket(AF_UNIX, SOCK_STREAM, 0)};
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    const socklen_t given = name[0] == '@' ? len : (socklen_t)sizeof address;
    cr_assert_eq(bind(made.listening, (struct sockaddr *)&address, given), 0);
    cr_assert_eq(listen(made.listening, 1), 0);
    cr_assert_eq(connect(made.connected, (struct sockaddr *)&address, given), 0);
    made.accepted = accept(made.listening, NULL, NULL);
    cr_assert_geq(made.accepted, 0);
    return made;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool are_open(const ends *made)
{
    return is_open(made->listening) && is_open(made->accepted) && is_open(made->connected);
}

static char name[64];

static void set_up(void)
{
    snprintf(name, sizeof name, "@iscep-test-%d", (int)getpid());
}

TestSuite(named_sockets, .init = set_up);

Test(named_sockets, both_server_ends_are_closed_and_the_client_sees_the_end)
{
    const ends made = make_ends(name);
    char byte;
    iscep_named_sockets_close(name);
    cr_assert_not(is_open(made.listening));
    cr_assert_not(is_open(made.accepted));
    cr_assert_eq(read(made.connected, &byte, 1), 0);
}

Test(named_sockets, a_path_is_a_name_too)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/iscep-test-%d", (int)getpid());
    const ends made = make_ends(path);
    iscep_named_sockets_close(path);
    unlink(path);
    cr_assert_not(is_open(made.listening));
    cr_assert_not(is_open(made.accepted));
    cr_assert(is_open(made.connected));
}

Test(named_sockets, others_stay_open)
{
    char longer[80], shorter[80];
    int pipe_ends[2];
    snprintf(longer, sizeof longer, "%s0", name);
    snprintf(shorter, sizeof shorter, "%.*s", (int)strlen(name) - 1, name);
    const ends first = make_ends(longer), second = make_ends(shorter);
    cr_assert_eq(pipe(pipe_ends), 0);
    iscep_named_sockets_close(name);
    cr_assert(are_open(&first));
    cr_assert(are_open(&second));
    cr_assert(is_open(pipe_ends[0]) && is_open(pipe_ends[1]));
    iscep_named_sockets_close(name + 1); /* the same as a path */
    cr_assert(are_open(&first));
}
