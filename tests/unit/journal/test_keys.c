/* A key leads to its row whether it is recent, old, or just being merged. */
#include <criterion/criterion.h>

#include "journal/key_filter.h"
#include "journal/keys.h"
#include "journal/recent_keys.h"
#include "journal/schema.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static char path[128];
static iscep_store *store;
static iscep_keys *keys;
static const iscep_keys_options options = {.min_recent = 20, .merged_at_once = 3};

static void open_keys(void)
{
    cr_assert_eq(iscep_store_open_sqlite(&store, path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_keys_open(&keys, store, &options, NULL), ISCEP_OK);
}

static void close_keys(void)
{
    iscep_keys_close(keys);
    iscep_store_close(store);
}

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "journal.db");
    open_keys();
}

static void tear_down(void)
{
    close_keys();
    temp_dir_remove(&dir);
}

TestSuite(keys, .init = set_up, .fini = tear_down);

/* Spread over the range of hashes, both signs. */
static int64_t hash_of(int64_t row)
{
    return (int64_t)((uint64_t)row * 0x9E3779B97F4A7C15u);
}

static void add(int64_t first, int64_t last)
{
    cr_assert_eq(iscep_store_begin(store, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    for (int64_t row = first; row <= last; row++)
        cr_assert_eq(iscep_keys_add(keys, store, hash_of(row), row, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    iscep_keys_committed(keys);
}

static void assert_found(int64_t hash, size_t count, int64_t first)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    ISCEP_AUTO_ROW_IDS range = {0};
    const iscep_key_range only = {.first = hash, .last = hash};
    cr_assert_eq(iscep_keys_find(keys, store, hash, &ids, NULL), ISCEP_OK);
    cr_assert_eq(ids.count, count, "%zu of %zu", ids.count, count);
    cr_assert_eq(iscep_keys_find_range(store, &only, &range, NULL), ISCEP_OK);
    cr_assert_eq(range.count, count);
    if (count > 0)
        cr_assert_eq(ids.ids[0], first);
}

static void assert_all_found(int64_t last)
{
    for (int64_t row = 1; row <= last; row++)
        assert_found(hash_of(row), 1, row);
    assert_found(hash_of(last + 1), 0, 0);
}

static int64_t count_recent(void)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_query_params(&rows, store, "SELECT COUNT(*) FROM recent_key", NULL, 0, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    return iscep_rows_number(rows, 0);
}

static void merge_all(void)
{
    while (iscep_keys_need_merge(keys))
        cr_assert_eq(iscep_keys_merge_slice(keys, store, NULL), ISCEP_OK);
}

Test(keys, are_found_before_while_and_after_they_are_merged)
{
    add(1, 21);
    assert_all_found(21);
    int slices = 0;
    for (; iscep_keys_need_merge(keys); slices++) {
        cr_assert_eq(iscep_keys_merge_slice(keys, store, NULL), ISCEP_OK);
        assert_all_found(21);
    }
    cr_assert_eq(slices, 8, "seven to copy, one to drop");
    cr_assert_eq(count_recent(), 0);
    cr_assert(iscep_keys_may_have(keys, hash_of(1)));
    cr_assert_not(iscep_keys_may_have(keys, hash_of(4711)));
}

Test(keys, below_the_bound_are_left_alone)
{
    add(1, 20);
    cr_assert_not(iscep_keys_need_merge(keys));
    cr_assert(iscep_keys_may_have(keys, hash_of(20)));
    cr_assert_not(iscep_keys_may_have(keys, hash_of(21)));
}

Test(keys, that_come_during_a_merge_stay_recent)
{
    add(1, 21);
    cr_assert_eq(iscep_keys_merge_slice(keys, store, NULL), ISCEP_OK);
    add(22, 30);
    merge_all();
    assert_all_found(30);
    cr_assert_eq(count_recent(), 9);
}

Test(keys, survive_a_crash_at_any_slice_of_a_merge)
{
    for (int slices = 0; slices < 8; slices++) {
        tear_down();
        set_up();
        add(1, 21);
        for (int i = 0; i < slices; i++)
            cr_assert_eq(iscep_keys_merge_slice(keys, store, NULL), ISCEP_OK);
        close_keys();
        open_keys();
        assert_all_found(21);
        add(22, 50);
        merge_all();
        assert_all_found(50);
    }
}

Test(keys, of_a_transaction_that_was_rolled_back_are_gone)
{
    add(1, 5);
    cr_assert_eq(iscep_store_begin(store, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    for (int64_t row = 6; row <= 9; row++)
        cr_assert_eq(iscep_keys_add(keys, store, hash_of(row), row, NULL), ISCEP_OK);
    iscep_store_rollback(store);
    iscep_keys_rolled_back(keys);
    assert_all_found(5);
    cr_assert_not(iscep_keys_may_have(keys, hash_of(6)));
    add(6, 6);
    assert_all_found(6);
}

static void forget(int64_t row)
{
    cr_assert_eq(iscep_store_begin(store, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_keys_remove(keys, store, hash_of(row), row, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
}

Test(keys, that_are_removed_do_not_come_back)
{
    add(1, 21);
    forget(1);
    cr_assert_eq(iscep_keys_merge_slice(keys, store, NULL), ISCEP_OK);
    for (int64_t row = 2; row <= 10; row++) /* some are merged already, most are not */
        forget(row);
    merge_all();
    forget(11);
    for (int64_t row = 1; row <= 11; row++)
        assert_found(hash_of(row), 0, 0);
    close_keys();
    open_keys();
    for (int64_t row = 1; row <= 11; row++)
        assert_found(hash_of(row), 0, 0);
    assert_found(hash_of(12), 1, 12);
}

Test(keys, of_one_hash_are_all_found)
{
    cr_assert_eq(iscep_store_begin(store, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    for (int64_t row = 1; row <= 25; row++)
        cr_assert_eq(iscep_keys_add(keys, store, -7, row, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    iscep_keys_committed(keys);
    assert_found(-7, 25, 25);
    merge_all();
    assert_found(-7, 25, 1);
}

Test(keys, of_one_transaction_id_are_neighbours)
{
    uint8_t low[32] = {0}, high[32];
    iscep_key_range range, other;
    int64_t key;
    for (size_t i = 0; i < sizeof high; i++)
        high[i] = 0xFF;
    cr_assert_eq(iscep_key_range_of_transaction(&range, "t1", NULL), ISCEP_OK);
    cr_assert_eq(iscep_key_range_of_transaction(&other, "t2", NULL), ISCEP_OK);
    cr_assert_eq(iscep_key_of_enrolment(&key, "t1", low, NULL), ISCEP_OK);
    cr_assert_eq(key, range.first);
    cr_assert_eq(iscep_key_of_enrolment(&key, "t1", high, NULL), ISCEP_OK);
    cr_assert_eq(key, range.last);
    cr_assert(other.last < range.first || other.first > range.last);
}

Test(keys, in_memory_grow_beyond_their_first_room)
{
    iscep_recent_keys *recent;
    cr_assert_eq(iscep_recent_keys_new(&recent, NULL), ISCEP_OK);
    for (int64_t i = 1; i <= 20000; i++)
        cr_assert_eq(iscep_recent_keys_push(
                         recent, &(iscep_recent_key){.id = i, .hash = hash_of(i), .row_id = i}, NULL),
                     ISCEP_OK);
    iscep_recent_keys_drop_oldest(recent, 100);
    iscep_recent_keys_pop(recent, 100);
    cr_assert_eq(iscep_recent_keys_count(recent), 19800);
    for (int64_t i = 1; i <= 20000; i++) {
        iscep_recent_key found = {0};
        bool is_there = iscep_recent_keys_find(recent, hash_of(i), &found);
        cr_assert_eq(is_there, i > 100 && i <= 19900);
        cr_assert(!is_there || found.row_id == i);
    }
    iscep_recent_keys_free(recent);
}

Test(keys, a_search_goes_on_where_it_was_when_the_oldest_are_dropped)
{
    enum { SAME = 7 };
    static const int64_t hashes[] = {SAME, 1, 2, SAME, 3, SAME, 4, 5};
    iscep_recent_keys *recent;
    iscep_recent_key found = {0};
    cr_assert_eq(iscep_recent_keys_new(&recent, NULL), ISCEP_OK);
    for (int64_t i = 0; i < 8; i++)
        cr_assert_eq(iscep_recent_keys_push(
                         recent, &(iscep_recent_key){.id = i + 1, .hash = hashes[i], .row_id = i}, NULL),
                     ISCEP_OK);
    cr_assert(iscep_recent_keys_find(recent, SAME, &found));
    cr_assert_eq(found.id, 6);
    iscep_recent_keys_drop_oldest(recent, 3);
    cr_assert(iscep_recent_keys_find(recent, SAME, &found));
    cr_assert_eq(found.id, 4);
    cr_assert_not(iscep_recent_keys_find(recent, SAME, &found), "the oldest was dropped");
    found = (iscep_recent_key){0};
    cr_assert_not(iscep_recent_keys_find(recent, 6, &found));
    iscep_recent_keys_free(recent);
}

Test(keys, that_the_filter_denies_are_not_there_and_few_others_are_affirmed)
{
    enum { KEYS = 100000 };
    iscep_key_filter *filter;
    int wrong = 0;
    cr_assert_eq(iscep_key_filter_new(&filter, KEYS / 2, NULL), ISCEP_OK);
    for (int64_t i = 1; i <= KEYS; i++)
        iscep_key_filter_add(filter, hash_of(i));
    for (int64_t i = 1; i <= KEYS; i++)
        cr_assert(iscep_key_filter_may_have(filter, hash_of(i)));
    for (int64_t i = KEYS + 1; i <= 2 * KEYS; i++)
        wrong += iscep_key_filter_may_have(filter, hash_of(i));
    cr_assert_lt(wrong, KEYS / 40, "%d", wrong);
    iscep_key_filter_free(filter);
}
