/*
 * iscep-slow-link ADDRESS PORT TARGET PORT FILE: a wire that takes time. TCP connections to ADDRESS go on to TARGET, and each piece of
 * either direction arrives as many milliseconds later as FILE says at that moment. For kernels without netem.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 64, PIECE_LEN = 64 * 1024, MAX_DELAY_MS = 60000, EXIT_USAGE = 2 };

static int delay_file;
static struct sockaddr_in target;

/* Both directions of a connection; the last of the two threads closes it. */
typedef struct connection {
    int near;
    int far;
    pthread_mutex_t lock;
    int ended;
} connection;

typedef struct direction {
    connection *of;
    int from;
    int to;
} direction;

static void wait_as_told(void)
{
    char text[16] = "";
    if (pread(delay_file, text, sizeof text - 1, 0) <= 0)
        return;
    long ms = strtol(text, NULL, 10);
    ms = ms < 0 ? 0 : ms > MAX_DELAY_MS ? MAX_DELAY_MS : ms;
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static bool send_all(int to, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(to, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

static void end(connection *it)
{
    shutdown(it->near, SHUT_RDWR);
    shutdown(it->far, SHUT_RDWR);
    pthread_mutex_lock(&it->lock);
    bool is_last = ++it->ended == 2;
    pthread_mutex_unlock(&it->lock);
    if (!is_last)
        return;
    close(it->near);
    close(it->far);
    free(it);
}

static void *carry(void *user)
{
    direction *way = user;
    char *piece = malloc(PIECE_LEN);
    for (ssize_t len; piece != NULL && (len = recv(way->from, piece, PIECE_LEN, 0)) > 0;) {
        wait_as_told();
        if (!send_all(way->to, piece, (size_t)len))
            break;
    }
    free(piece);
    end(way->of);
    free(way);
    return NULL;
}

static void start_direction(connection *it, int from, int to)
{
    const int on = 1;
    pthread_t thread;
    direction *way = malloc(sizeof *way);
    setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (way != NULL) {
        *way = (direction){.of = it, .from = from, .to = to};
        if (pthread_create(&thread, NULL, carry, way) == 0) {
            pthread_detach(thread);
            return;
        }
    }
    free(way);
    end(it);
}

static void accept_one(int listener)
{
    int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0)
        return;
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connection *it = calloc(1, sizeof *it);
    if (it == NULL || far < 0 || connect(far, (struct sockaddr *)&target, sizeof target) != 0) {
        close(near);
        close(far);
        free(it);
        return;
    }
    *it = (connection){.near = near, .far = far, .lock = PTHREAD_MUTEX_INITIALIZER};
    start_direction(it, near, far);
    start_direction(it, far, near);
}

static bool parse_address(struct sockaddr_in *out, const char *address, const char *port)
{
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    return inet_pton(AF_INET, address, &out->sin_addr) == 1 && out->sin_port != 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in own;
    const int on = 1;
    if (argc != 6 || !parse_address(&own, argv[1], argv[2]) || !parse_address(&target, argv[3], argv[4])) {
        fprintf(stderr, "Usage: iscep-slow-link ADDRESS PORT TARGET PORT FILE\n");
        return EXIT_USAGE;
    }
    delay_file = open(argv[5], O_RDONLY | O_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (delay_file < 0 || listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, BACKLOG) != 0) {
        perror("iscep-slow-link");
        return EXIT_FAILURE;
    }
    puts("iscep-slow-link ready");
    fflush(stdout);
    for (;;)
        accept_one(listener);
}
