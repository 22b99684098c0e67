/*
 * A stand-in for whatever answers in the wrong place: sends every caller, once he has said something, the bytes of its
 * argument (with printf's \r and \n). It listens on a Unix socket, or on a free port of the loopback interface, which
 * it prints. Used by end-to-end tests.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Turns \r and \n of the text into what they stand for, in place. */
static size_t unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && (from[1] == 'r' || from[1] == 'n'))
            *to++ = *++from == 'r' ? '\r' : '\n';
        else
            *to++ = *from;
    }
    return (size_t)(to - text);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0)
        return -1;
    return fd;
}

static int listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return -1;
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    const char *path = argc == 4 && strcmp(argv[1], "--unix") == 0 ? argv[2] : NULL;
    if (argc != 2 && path == NULL) {
        fputs("Usage: fixed_reply [--unix PATH] BYTES\n", stderr);
        return 2;
    }
    char *reply = argv[argc - 1];
    size_t len = unescape(reply);
    int fd = path != NULL ? listen_unix(path) : listen_tcp();
    if (fd < 0) {
        perror("fixed_reply");
        return 1;
    }
    for (;;) {
        char said[4096];
        int caller = accept(fd, NULL, NULL);
        if (caller >= 0 && recv(caller, said, sizeof said, 0) > 0)
            send(caller, reply, len, MSG_NOSIGNAL);
        if (caller >= 0)
            close(caller);
    }
}
