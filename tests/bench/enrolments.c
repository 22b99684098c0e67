/* See enrolments.h. */
#include "enrolments.h"

#include <stdio.h>

#include "doors.h"
#include "rows.h"

enum { MAX_ID_LEN = 64 };

static bool is_report(bench_turn turn)
{
    return turn.turn % 2 == 1;
}

/* The serial number of an enrolment's certificate, and as text its transaction id. */
static uint64_t number_of(const bench_enrolments *them, bench_turn turn)
{
    return (uint64_t)them->course << 56 | ((uint64_t)turn.connection + 1) << 40 | turn.turn / 2;
}

static iscep_status write_turn(iscep_buf *out, const bench_door *door, bench_turn turn, iscep_error *err)
{
    const bench_enrolments *them = door->subject;
    const uint64_t number = number_of(them, turn);
    char id[MAX_ID_LEN];
    ISCEP_AUTO_BUF cert;
    iscep_buf_init(&cert, ISCEP_QUESTION_DER_MAX);
    int id_len = snprintf(id, sizeof id, "enrolment-%llu", (unsigned long long)number);
    iscep_status status = is_report(turn) ? bench_issue(&cert, them->issuer, number, err) : ISCEP_OK;
    const iscep_question question = {
        .kind = is_report(turn) ? ISCEP_ASK_ISSUED : ISCEP_ASK_VALIDATE,
        .transaction_id = {(const uint8_t *)id, (size_t)id_len},
        .csr_der = {them->csr.data, them->csr.len},
        .cert_der = {cert.data, cert.len},
    };
    return status == ISCEP_OK ? bench_question_write(out, door, &question, BENCH_ANSWER_TIMEOUT_MS, err)
                              : status;
}

static bench_read read_turn(const uint8_t *data, size_t len, bench_turn turn, bench_answer *out)
{
    return bench_verdict_read(data, len, is_report(turn) ? ISCEP_ASK_ISSUED : ISCEP_ASK_VALIDATE, out);
}

bench_door bench_door_enrolments(bench_address address, const bench_enrolments *them)
{
    return (bench_door){.address = address, .write = write_turn, .read = read_turn, .subject = them};
}
