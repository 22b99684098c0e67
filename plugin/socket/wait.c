/* See wait.h. */
#include "plugin/socket/wait.h"

#include <poll.h>

#include "plugin/socket/deadline.h"

void iscep_wait_block(const iscep_wait *wait)
{
    struct pollfd waiting = {.fd = wait->fd, .events = wait->events};
    poll(&waiting, 1, iscep_deadline_left_ms(wait->until_ms)); /* a negative fd is left out */
}
