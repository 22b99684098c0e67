/* The table of transactions: one worker each, bounded, and nothing given to the wrong key. */
#include "transactions.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

static const uint8_t KEY[ISCEP_SHA256_LEN] = {1};
static const uint8_t OTHER_KEY[ISCEP_SHA256_LEN] = {2};

static host_world the_world;
static iscep_transactions *table;
static iscep_transaction *taken;
static iscep_buf cert;

static void set_up(void)
{
    test_world_init(&the_world, false);
    const iscep_transactions_options options = {.max_count = 3, .max_bytes = 64 * 1024};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_transactions_new(&table, &the_world.env, &options, &err), ISCEP_OK);
    iscep_buf_init(&cert, 1024);
}

static void tear_down(void)
{
    iscep_buf_clear(&cert);
    iscep_transactions_free(table);
    test_world_clear(&the_world);
}

static iscep_claim claim_as(const char *id, const char *csr, const uint8_t *key)
{
    const iscep_enrolment enrolment = {.transaction_id = id,
                                       .message_type = 19,
                                       .csr = iscep_bytes_of_text(csr),
                                       .signer_cert = iscep_bytes_of_text("signer")};
    return iscep_transactions_claim(table, &enrolment, key, &taken, &cert);
}

static iscep_claim claim(const char *id, const char *csr)
{
    return claim_as(id, csr, KEY);
}

static iscep_claim poll_as(const char *id, const uint8_t *key)
{
    return iscep_transactions_poll(table, id, key, &taken, &cert);
}

static void deliver(const char *id)
{
    cr_assert_eq(claim(id, "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_deliver(table, taken, iscep_bytes_of_text("certificate"));
}

Test(transactions, are_worked_on_by_one_caller_at_a_time, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_LATER);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_LATER);
    cr_assert_eq(claim("b", "csr"), ISCEP_CLAIM_MINE);
}

Test(transactions, keep_the_first_request_for_the_poll, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    taken = NULL;
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_MINE);
    const iscep_enrolment *kept = iscep_transaction_enrolment(taken);
    cr_assert_str_eq(kept->transaction_id, "a");
    cr_assert_eq(kept->message_type, 19u);
    cr_assert(iscep_bytes_equal(kept->csr, iscep_bytes_of_text("csr")));
    cr_assert(iscep_bytes_equal(kept->signer_cert, iscep_bytes_of_text("signer")));
}

Test(transactions, that_are_parked_are_not_asked_about_too_early, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 30000);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_LATER);
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_LATER);
    the_world.clock_offset_ms += 30001;
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
}

Test(transactions, are_refused_to_another_key, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    cr_assert_eq(poll_as("a", OTHER_KEY), ISCEP_CLAIM_OTHER_KEY);
    iscep_transactions_park(table, taken, 0);
    cr_assert_eq(poll_as("a", OTHER_KEY), ISCEP_CLAIM_OTHER_KEY);
    cr_assert_eq(claim_as("a", "csr", OTHER_KEY), ISCEP_CLAIM_OTHER_KEY);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_MINE);
    iscep_transactions_deliver(table, taken, iscep_bytes_of_text("certificate"));
    cr_assert_eq(poll_as("a", OTHER_KEY), ISCEP_CLAIM_OTHER_KEY);
    cr_assert_eq(cert.len, 0);
}

Test(transactions, are_refused_to_another_request_until_they_are_settled, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    cr_assert_eq(claim("a", "another"), ISCEP_CLAIM_OTHER_CSR);
    iscep_transactions_park(table, taken, 0);
    cr_assert_eq(claim("a", "another"), ISCEP_CLAIM_OTHER_CSR);
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_deliver(table, taken, iscep_bytes_of_text("certificate"));
    cr_assert_eq(claim("a", "another"), ISCEP_CLAIM_MINE, "an id may be used again");
    cr_assert_eq(cert.len, 0);
}

Test(transactions, that_were_delivered_give_the_same_certificate, .init = set_up, .fini = tear_down)
{
    deliver("a");
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_DELIVERED);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&cert), iscep_bytes_of_text("certificate")));
    iscep_buf_clear(&cert);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_DELIVERED);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&cert), iscep_bytes_of_text("certificate")));
}

Test(transactions, that_were_forgotten_begin_anew, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_forget(table, taken);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_UNKNOWN);
    cr_assert_eq(claim("a", "another"), ISCEP_CLAIM_MINE);
}

Test(transactions, expire_after_an_hour_unless_somebody_works_on_them, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("parked", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    deliver("delivered");
    cr_assert_eq(claim("busy", "csr"), ISCEP_CLAIM_MINE);
    the_world.clock_offset_ms += 60 * 60 * 1000 - 1000;
    cr_assert_eq(poll_as("delivered", KEY), ISCEP_CLAIM_DELIVERED);
    the_world.clock_offset_ms += 1001;
    cr_assert_eq(poll_as("parked", KEY), ISCEP_CLAIM_UNKNOWN);
    cr_assert_eq(poll_as("delivered", KEY), ISCEP_CLAIM_UNKNOWN);
    cr_assert_eq(poll_as("busy", KEY), ISCEP_CLAIM_LATER);
}

Test(transactions, live_an_hour_from_the_first_request_however_often_they_are_parked, .init = set_up,
     .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    the_world.clock_offset_ms += 50 * 60 * 1000;
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    the_world.clock_offset_ms += 11 * 60 * 1000;
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_UNKNOWN);
}

Test(transactions, make_room_by_dropping_what_was_delivered_first, .init = set_up, .fini = tear_down)
{
    deliver("a");
    deliver("b");
    cr_assert_eq(claim("c", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    cr_assert_eq(claim("d", "csr"), ISCEP_CLAIM_MINE);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_UNKNOWN);
    cr_assert_eq(poll_as("b", KEY), ISCEP_CLAIM_DELIVERED);
    cr_assert_eq(poll_as("c", KEY), ISCEP_CLAIM_MINE);
}

Test(transactions, do_not_make_room_by_dropping_what_is_pending, .init = set_up, .fini = tear_down)
{
    static const char *const ids[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(claim(ids[i], "csr"), ISCEP_CLAIM_MINE);
        iscep_transactions_park(table, taken, 0);
    }
    cr_assert_eq(claim("d", "csr"), ISCEP_CLAIM_FULL);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_MINE);
}

Test(transactions, are_bounded_in_bytes_too, .init = set_up, .fini = tear_down)
{
    char large[40 * 1024];
    memset(large, 'A', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    cr_assert_eq(claim("a", large), ISCEP_CLAIM_MINE);
    cr_assert_eq(claim("b", large), ISCEP_CLAIM_FULL);
    cr_assert_eq(claim("c", "small"), ISCEP_CLAIM_MINE);
}

Test(transactions, show_their_csr_whoever_works_on_them, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    cr_assert(iscep_transactions_find(table, "a", &cert));
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&cert), iscep_bytes_of_text("csr")));
    cr_assert_not(iscep_transactions_find(table, "b", &cert));
}

static void park_issued(const char *id)
{
    cr_assert_eq(claim(id, "csr"), ISCEP_CLAIM_MINE);
    cr_assert_eq(iscep_transaction_cert(taken).len, 0);
    cr_assert(iscep_transactions_park_issued(table, taken, iscep_bytes_of_text("certificate"), 0));
}

Test(transactions, keep_a_certificate_that_may_not_be_delivered_yet, .init = set_up, .fini = tear_down)
{
    park_issued("a");
    cr_assert_eq(poll_as("a", OTHER_KEY), ISCEP_CLAIM_OTHER_KEY);
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_MINE);
    cr_assert_eq(cert.len, 0, "it is not handed out");
    cr_assert(iscep_bytes_equal(iscep_transaction_cert(taken), iscep_bytes_of_text("certificate")));
    cr_assert(iscep_transactions_park_issued(table, taken, iscep_bytes_of_text("certificate"), 0));
    cr_assert_eq(claim("a", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_deliver(table, taken, iscep_transaction_cert(taken));
    cr_assert_eq(poll_as("a", KEY), ISCEP_CLAIM_DELIVERED);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&cert), iscep_bytes_of_text("certificate")));
}

Test(transactions, with_a_certificate_expire_into_the_hands_of_who_settles_them, .init = set_up,
     .fini = tear_down)
{
    park_issued("issued");
    cr_assert_eq(claim("asked", "csr"), ISCEP_CLAIM_MINE);
    iscep_transactions_park(table, taken, 0);
    deliver("delivered");
    cr_assert_null(iscep_transactions_take_expired(table));
    the_world.clock_offset_ms += 60 * 60 * 1000 + 1;
    cr_assert_eq(poll_as("asked", KEY), ISCEP_CLAIM_UNKNOWN);
    iscep_transaction *expired = iscep_transactions_take_expired(table);
    cr_assert_not_null(expired);
    cr_assert_str_eq(iscep_transaction_enrolment(expired)->transaction_id, "issued");
    cr_assert_null(iscep_transactions_take_expired(table));
    cr_assert_eq(poll_as("issued", KEY), ISCEP_CLAIM_LATER, "somebody settles it");
    iscep_transactions_forget(table, expired);
    cr_assert_eq(poll_as("issued", KEY), ISCEP_CLAIM_UNKNOWN);
}
