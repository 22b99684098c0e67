/*
 * An HTTP proxy that knows CONNECT and nothing else, and tunnels to one port of this machine, whatever it is asked for.
 * On a thread of its own, one connection after the other.
 */
#ifndef ISCEP_TESTS_TUNNEL_PROXY_H
#define ISCEP_TESTS_TUNNEL_PROXY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct tunnel_proxy {
    /* Set before the start. */
    uint16_t target_port;
    const char *credentials; /* base64 of "user:password" that Basic must bring; NULL: anybody may */
    bool is_refusing;        /* 403 */
    /* Its own. */
    int listener;
    int stop[2]; /* a pipe: closed to stop */
    pthread_t thread;
    char url[64];
    unsigned tunnels; /* to be read after the stop */
} tunnel_proxy;

void tunnel_proxy_start(tunnel_proxy *proxy);
void tunnel_proxy_stop(tunnel_proxy *proxy);

#endif
