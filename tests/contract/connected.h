/* An iscep_intune with the real transport, on the test's own loop, connected to the stand-in cloud. */
#ifndef ISCEP_TESTS_CONNECTED_H
#define ISCEP_TESTS_CONNECTED_H

#include "tests/support/cloud.h"
#include "tests/support/intune_fixture.h"

typedef struct connected {
    cloud cloud;
    iscep_env env;
    iscep_loop *loop;
    iscep_http *http;
    iscep_secret *secret;
    iscep_tenant tenant;
    iscep_intune *intune;
    caught_verdict caught;
} connected;

#define CONNECTED_CALLER      "Contoso SCEP 1.2"
#define CONNECTED_TRANSACTION "A1B2C3D4"
#define CONNECTED_CSR         "\x30\x03\x02\x01\x05" /* any bytes will do */
#define CONNECTED_CSR_BASE64  "MAMCAQU="

/* Large: static. */
void connected_start(connected *c);
void connected_stop(connected *c);
/* Each makes its call, waits for the verdict and returns it. */
iscep_verdict connected_validate(connected *c);
iscep_verdict connected_report_issued(connected *c);
iscep_verdict connected_report_failed(connected *c, uint32_t error_code, const char *description);

/* The request is a POST of this JSON to Intune, with the fields that every action has, under the verdict's id. */
void connected_assert_action(const connected *c, const cloud_request *request, const char *path,
                             const char *body);
/* The same of a revocation call, which has another api-version; its id is any GUID. */
void connected_assert_revocation(const connected *c, const cloud_request *request, const char *path,
                                 const char *body);
/* For one action: each documented reply, and what becomes of it. ask makes the call. */
void connected_assert_replies(connected *c, cloud_service service, iscep_verdict (*ask)(connected *c));

#endif
