/* See drip.h. */
#include "drip.h"

#include <stdlib.h>

typedef struct mock_drip {
    mock_drips *drips;
    iscep_exchange *exchange;
    iscep_buf body;
    size_t sent_len;
    int64_t pause_ms;
    iscep_timer *timer;
    struct mock_drip *previous;
    struct mock_drip *next;
} mock_drip;

static void end(mock_drip *drip)
{
    iscep_exchange_reply_raw(drip->exchange, iscep_bytes_of(NULL, 0), false);
    if (drip->previous != NULL)
        drip->previous->next = drip->next;
    else
        drip->drips->first = drip->next;
    if (drip->next != NULL)
        drip->next->previous = drip->previous;
    iscep_timer_free(drip->timer);
    iscep_buf_clear(&drip->body);
    free(drip);
}

static void send_byte(void *user)
{
    mock_drip *drip = user;
    iscep_exchange_send_part(drip->exchange, iscep_bytes_of(drip->body.data + drip->sent_len++, 1));
    if (drip->sent_len == drip->body.len || iscep_exchange_is_gone(drip->exchange))
        end(drip);
    else
        iscep_timer_arm(drip->timer, drip->pause_ms);
}

static void enlist(mock_drips *drips, mock_drip *drip)
{
    drip->drips = drips;
    drip->next = drips->first;
    if (drip->next != NULL)
        drip->next->previous = drip;
    drips->first = drip;
}

void mock_drips_start(mock_drips *drips, iscep_exchange *exchange, iscep_buf *body, int64_t pause_ms)
{
    mock_drip *drip = calloc(1, sizeof(*drip));
    if (drip == NULL || iscep_timer_new(&drip->timer, drips->loop, send_byte, drip, NULL) != ISCEP_OK) {
        free(drip);
        iscep_exchange_reply_raw(exchange, iscep_bytes_of(NULL, 0), false);
        return;
    }
    drip->exchange = exchange;
    drip->pause_ms = pause_ms;
    drip->body = *body;
    iscep_buf_init(body, body->max_len);
    enlist(drips, drip);
    iscep_timer_arm(drip->timer, pause_ms);
}

void mock_drips_clear(mock_drips *drips)
{
    while (drips->first != NULL)
        end(drips->first);
}
