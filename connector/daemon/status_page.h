/*
 * The status page, at "/": status_page.html, which shows GET /v1/status in a browser. Built into the program; nothing of it comes
 * from elsewhere, and the Content-Security-Policy lets nothing else in.
 */
#ifndef ISCEP_DAEMON_STATUS_PAGE_H
#define ISCEP_DAEMON_STATUS_PAGE_H

#include "net/http_server.h"

void iscep_status_page_handle(iscep_exchange *exchange);

#endif
