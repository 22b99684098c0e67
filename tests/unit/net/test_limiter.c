/* How many may come, and how often. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

#include "net/limiter.h"
#include "tests/support/fake_env.h"

static fake_env world;
static iscep_limiter *limiter;

static void set_up(void)
{
    fake_env_init(&world);
}

static void tear_down(void)
{
    iscep_limiter_free(limiter);
    fake_env_clear(&world);
}

TestSuite(limiter, .init = set_up, .fini = tear_down);

static void begin_with(iscep_limits limits)
{
    cr_assert_eq(iscep_limiter_new(&limiter, &world.env, &limits, NULL), ISCEP_OK);
}

static iscep_client_id client(const char *text)
{
    iscep_client_id id = {0};
    snprintf(id.text, sizeof id.text, "%s", text);
    return id;
}

static const char *come_in(const char *who)
{
    iscep_client_id id = client(who);
    return iscep_limiter_connect(limiter, &id);
}

static void leave(const char *who)
{
    iscep_client_id id = client(who);
    iscep_limiter_disconnect(limiter, &id);
}

static int32_t retry_after_s;

static const char *ask(const char *who)
{
    iscep_client_id id = client(who);
    return iscep_limiter_begin(limiter, &id, &retry_after_s);
}

static void answered(const char *who)
{
    iscep_client_id id = client(who);
    iscep_limiter_end(limiter, &id);
}

/* A request that is answered at once. */
static const char *ask_once(const char *who)
{
    const char *why_not = ask(who);
    if (why_not == NULL)
        answered(who);
    return why_not;
}

Test(limiter, without_limits_everybody_may)
{
    begin_with((iscep_limits){0});
    for (int i = 0; i < 1000; i++) {
        cr_assert_null(come_in("192.0.2.1"));
        cr_assert_null(ask("192.0.2.1"));
    }
}

Test(limiter, connections_in_all)
{
    begin_with((iscep_limits){.max_connections = 2});
    cr_assert_null(come_in("192.0.2.1"));
    cr_assert_null(come_in("uid 0"));
    cr_assert_str_eq(come_in("192.0.2.3"), "too_many_connections");
    leave("uid 0");
    cr_assert_null(come_in("192.0.2.3"));
    cr_assert_str_eq(come_in("uid 0"), "too_many_connections");
}

Test(limiter, connections_of_a_remote_client_and_not_of_a_local_one)
{
    begin_with((iscep_limits){.max_connections_per_client = 2});
    cr_assert_null(come_in("192.0.2.1"));
    cr_assert_null(come_in("192.0.2.1"));
    cr_assert_str_eq(come_in("192.0.2.1"), "too_many_of_client");
    cr_assert_null(come_in("192.0.2.10"), "not the same address");
    leave("192.0.2.1");
    cr_assert_null(come_in("192.0.2.1"));
    for (int i = 0; i < 10; i++)
        cr_assert_null(come_in("uid 1000"));
}

Test(limiter, requests_in_flight)
{
    begin_with((iscep_limits){.max_in_flight = 3, .max_in_flight_per_client = 2});
    cr_assert_null(ask("a"));
    cr_assert_null(ask("a"));
    cr_assert_str_eq(ask("a"), "too_many_requests_of_client");
    cr_assert_eq(retry_after_s, 1);
    cr_assert_null(ask("b"));
    cr_assert_str_eq(ask("c"), "too_many_requests");
    cr_assert_eq(retry_after_s, 1);
    answered("a");
    cr_assert_null(ask("c"));
    answered("b");
    cr_assert_null(ask("a"));
    cr_assert_str_eq(ask("a"), "too_many_requests");
}

Test(limiter, what_was_refused_does_not_count)
{
    begin_with((iscep_limits){.max_in_flight = 1, .max_requests_per_second = 2});
    cr_assert_null(ask("a"));
    for (int i = 0; i < 10; i++)
        cr_assert_str_eq(ask("a"), "too_many_requests");
    answered("a");
    cr_assert_null(ask_once("a"), "its second token is still there");
    cr_assert_str_eq(ask_once("a"), "too_often");
}

Test(limiter, rate_is_a_clients_own_and_comes_back_with_time)
{
    begin_with((iscep_limits){.max_requests_per_second = 4});
    for (int i = 0; i < 4; i++)
        cr_assert_null(ask_once("a"));
    cr_assert_str_eq(ask_once("a"), "too_often");
    cr_assert_eq(retry_after_s, 1);
    cr_assert_null(ask_once("b"));
    fake_env_advance(&world, 249);
    cr_assert_str_eq(ask_once("a"), "too_often");
    fake_env_advance(&world, 1);
    cr_assert_null(ask_once("a"));
    cr_assert_str_eq(ask_once("a"), "too_often");
    fake_env_advance(&world, INT32_MAX);
    for (int i = 0; i < 4; i++)
        cr_assert_null(ask_once("a"));
    cr_assert_str_eq(ask_once("a"), "too_often", "however long it was away");
}

Test(limiter, burst_and_retry_after)
{
    begin_with((iscep_limits){.max_requests_per_second = 1, .max_burst = 5});
    for (int i = 0; i < 5; i++)
        cr_assert_null(ask_once("a"));
    cr_assert_str_eq(ask_once("a"), "too_often");
    cr_assert_eq(retry_after_s, 1);
    fake_env_advance(&world, 999);
    cr_assert_str_eq(ask_once("a"), "too_often");
    fake_env_advance(&world, 1);
    cr_assert_null(ask_once("a"));
}

Test(limiter, new_limits_hold_for_who_comes_next)
{
    begin_with((iscep_limits){.max_connections = 3});
    for (int i = 0; i < 3; i++)
        cr_assert_null(come_in("192.0.2.1"));
    iscep_limiter_set(limiter, &(iscep_limits){.max_connections = 2, .max_requests_per_second = 1});
    cr_assert_str_eq(come_in("192.0.2.2"), "too_many_connections");
    leave("192.0.2.1");
    cr_assert_str_eq(come_in("192.0.2.2"), "too_many_connections");
    leave("192.0.2.1");
    cr_assert_null(come_in("192.0.2.2"));
    fake_env_advance(&world, 1000);
    cr_assert_null(ask_once("192.0.2.1"));
    cr_assert_str_eq(ask_once("192.0.2.1"), "too_often");
}

Test(limiter, table_is_bounded_and_who_has_something_under_way_is_never_forgotten)
{
    begin_with((iscep_limits){.max_requests_per_second = 1, .max_in_flight_per_client = 1});
    cr_assert_null(ask("busy"));
    cr_assert_null(ask_once("first"));
    cr_assert_str_eq(ask_once("first"), "too_often");
    for (int i = 0; i < 20000; i++) {
        char who[32];
        snprintf(who, sizeof who, "10.0.%d.%d", i / 256, i % 256);
        cr_assert_null(ask_once(who));
    }
    cr_assert_null(ask_once("first"), "it has been forgotten, and with it that it came too often");
    cr_assert_str_eq(ask("busy"), "too_many_requests_of_client");
    answered("busy");
    cr_assert_str_eq(ask("busy"), "too_often");
}

static void *come_and_go(void *user)
{
    const char *who = user;
    for (int i = 0; i < 2000; i++) {
        iscep_client_id id = client(who);
        int32_t seconds;
        if (iscep_limiter_connect(limiter, &id) != NULL)
            continue;
        if (iscep_limiter_begin(limiter, &id, &seconds) == NULL)
            iscep_limiter_end(limiter, &id);
        iscep_limiter_disconnect(limiter, &id);
    }
    return NULL;
}

Test(limiter, counts_right_with_many_threads)
{
    char names[][16] = {"192.0.2.1", "192.0.2.2", "192.0.2.1", "uid 7"};
    pthread_t threads[4];
    begin_with((iscep_limits){.max_connections = 3, .max_in_flight = 2});
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        cr_assert_null(come_in("192.0.2.1"), "everybody has left");
    cr_assert_str_eq(come_in("192.0.2.1"), "too_many_connections");
    cr_assert_null(ask("a"));
    cr_assert_null(ask("b"));
    cr_assert_str_eq(ask("c"), "too_many_requests");
}
