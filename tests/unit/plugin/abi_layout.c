/*
 * The layout of scep_plugin.h 1.0, to the byte: hosts and plugins that were built with it are out there. A member that moves, a
 * number that changes or a function with other arguments does not compile; a later minor version only adds lines. For test_header.sh,
 * as C11 and as C++11.
 */
#include "scep_plugin.h"

#ifdef __cplusplus
#define PINNED(condition) static_assert(condition, #condition)
#else
#define PINNED(condition) _Static_assert(condition, #condition)
#endif
#define AT(type, member, offset) PINNED(offsetof(type, member) == (offset))

PINNED(SCEP_PLUGIN_ABI_MAJOR == 1);

/* Where pointers have 64 bits; elsewhere the same order without the same numbers. */
#if UINTPTR_MAX == UINT64_MAX
PINNED(sizeof(scep_bytes) == 16); /* frozen */
AT(scep_bytes, data, 0);
AT(scep_bytes, len, 8);

PINNED(sizeof(scep_config_entry) == 16); /* frozen */
AT(scep_config_entry, key, 0);
AT(scep_config_entry, value, 8);

PINNED(SCEP_TEXT_SIZE_1_0 == 520 && sizeof(scep_text) >= 520);
AT(scep_text, size, 0);
AT(scep_text, text, 8);

PINNED(sizeof(scep_revocation) >= 48);
AT(scep_revocation, size, 0);
AT(scep_revocation, reason, 8);
AT(scep_revocation, timeout_ms, 12);
AT(scep_revocation, serial, 16);
AT(scep_revocation, issuer, 32);

PINNED(SCEP_HOST_SIZE_1_0 == 32 && sizeof(scep_host) >= 32);
AT(scep_host, size, 0);
AT(scep_host, user, 8);
AT(scep_host, log, 16);
AT(scep_host, revoke, 24);

PINNED(SCEP_REQUEST_SIZE_1_0 == 96 && sizeof(scep_request) >= 96);
AT(scep_request, size, 0);
AT(scep_request, message_type, 8);
AT(scep_request, timeout_ms, 12);
AT(scep_request, transaction_id, 16);
AT(scep_request, csr_der, 32);
AT(scep_request, signer_cert_der, 48);
AT(scep_request, endpoint, 64);
AT(scep_request, peer, 80);

PINNED(SCEP_ISSUED_SIZE_1_0 == 64 && sizeof(scep_issued) >= 64);
AT(scep_issued, size, 0);
AT(scep_issued, timeout_ms, 8);
AT(scep_issued, reserved, 12);
AT(scep_issued, transaction_id, 16);
AT(scep_issued, csr_der, 32);
AT(scep_issued, cert_der, 48);

PINNED(SCEP_FAILED_SIZE_1_0 == 64 && sizeof(scep_failed) >= 64);
AT(scep_failed, size, 0);
AT(scep_failed, timeout_ms, 8);
AT(scep_failed, error_code, 12);
AT(scep_failed, transaction_id, 16);
AT(scep_failed, csr_der, 32);
AT(scep_failed, reason, 48);

PINNED(SCEP_ANSWER_SIZE_1_0 == 680 && sizeof(scep_answer) >= 680);
AT(scep_answer, size, 0);
AT(scep_answer, verdict, 8);
AT(scep_answer, retry_after_ms, 12);
AT(scep_answer, code, 16);
AT(scep_answer, message, 80);
AT(scep_answer, request_id, 592);
AT(scep_answer, cert_der, 656);
AT(scep_answer, cert_capacity, 664);
AT(scep_answer, cert_len, 672);

PINNED(SCEP_HEALTH_SIZE_1_0 == 592 && sizeof(scep_health) >= 592);
AT(scep_health, size, 0);
AT(scep_health, state, 8);
AT(scep_health, reserved, 12);
AT(scep_health, code, 16);
AT(scep_health, message, 80);

PINNED(sizeof(scep_plugin) >= 128);
AT(scep_plugin, size, 0);
AT(scep_plugin, abi_major, 8);
AT(scep_plugin, abi_minor, 12);
AT(scep_plugin, name, 16);
AT(scep_plugin, version, 24);
AT(scep_plugin, open, 32);
AT(scep_plugin, verify_request, 40);
AT(scep_plugin, notify_issued, 48);
AT(scep_plugin, notify_failed, 56);
AT(scep_plugin, close, 64);
AT(scep_plugin, health, 72);
AT(scep_plugin, begin_verify_request, 80);
AT(scep_plugin, begin_notify_issued, 88);
AT(scep_plugin, begin_notify_failed, 96);
AT(scep_plugin, descriptor, 104);
AT(scep_plugin, finish, 112);
AT(scep_plugin, cancel, 120);
#endif

PINNED(SCEP_OK == 0);
PINNED(SCEP_ERR_USAGE == 1);
PINNED(SCEP_ERR_VERSION == 2);
PINNED(SCEP_ERR_CONFIG == 3);
PINNED(SCEP_ERR_NOMEM == 4);
PINNED(SCEP_ERR_UNAVAILABLE == 5);
PINNED(SCEP_PENDING == 6);

PINNED(SCEP_VERDICT_DENY == 0);
PINNED(SCEP_VERDICT_RETRY == 1);
PINNED(SCEP_VERDICT_DECLINE == 2);
PINNED(SCEP_VERDICT_ALLOW == 0x414C4C4F);
PINNED(SCEP_VERDICT_DELIVER == 0x444C5652);

PINNED(SCEP_REVOKE_LATER == 0);
PINNED(SCEP_REVOKE_ALREADY == 1);
PINNED(SCEP_REVOKE_UNKNOWN == 2);
PINNED(SCEP_REVOKE_REFUSED == 3);
PINNED(SCEP_REVOKE_DONE == 4);

PINNED(SCEP_HEALTH_DOWN == 0);
PINNED(SCEP_HEALTH_READY == 1);
PINNED(SCEP_MESSAGE_RENEWAL_REQ == 17);
PINNED(SCEP_MESSAGE_PKCS_REQ == 19);
PINNED(SCEP_LOG_DEBUG == 0);
PINNED(SCEP_LOG_INFO == 1);
PINNED(SCEP_LOG_WARN == 2);
PINNED(SCEP_LOG_ERROR == 3);

/* What C++ has no plain word for. */
#ifndef __cplusplus
#define IS_OF_TYPE(type, member, ...) PINNED(_Generic(((type *)0)->member, __VA_ARGS__ : 1, default : 0))

PINNED(sizeof SCEP_PLUGIN_ENTRY_SYMBOL == sizeof "scep_plugin_entry");
PINNED(_Generic((scep_plugin_entry_fn)0, int32_t (*)(uint32_t, uint32_t, const scep_plugin **) : 1,
                default : 0));
IS_OF_TYPE(scep_host, log, void (*)(void *, int32_t, const char *));
IS_OF_TYPE(scep_host, revoke, int32_t (*)(void *, const scep_revocation *, scep_text *));
IS_OF_TYPE(scep_plugin, open,
           int32_t (*)(const scep_host *, const scep_config_entry *, size_t, scep_instance **, scep_text *));
IS_OF_TYPE(scep_plugin, verify_request, int32_t (*)(scep_instance *, const scep_request *, scep_answer *));
IS_OF_TYPE(scep_plugin, notify_issued, int32_t (*)(scep_instance *, const scep_issued *, scep_answer *));
IS_OF_TYPE(scep_plugin, notify_failed, int32_t (*)(scep_instance *, const scep_failed *, scep_answer *));
IS_OF_TYPE(scep_plugin, close, void (*)(scep_instance *));
IS_OF_TYPE(scep_plugin, health, int32_t (*)(scep_instance *, uint32_t, scep_health *));
IS_OF_TYPE(scep_plugin, begin_verify_request,
           int32_t (*)(scep_instance *, const scep_request *, scep_answer *, scep_call **));
IS_OF_TYPE(scep_plugin, begin_notify_issued,
           int32_t (*)(scep_instance *, const scep_issued *, scep_answer *, scep_call **));
IS_OF_TYPE(scep_plugin, begin_notify_failed,
           int32_t (*)(scep_instance *, const scep_failed *, scep_answer *, scep_call **));
IS_OF_TYPE(scep_plugin, descriptor, int32_t (*)(scep_call *));
IS_OF_TYPE(scep_plugin, finish, int32_t (*)(scep_call *));
IS_OF_TYPE(scep_plugin, cancel, void (*)(scep_call *));
#endif
