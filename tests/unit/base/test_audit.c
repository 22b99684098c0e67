/* The audit trail: a line that was removed, changed or moved is found. What crashes and disks do to it: test_audit_faults.c. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base/audit_trail.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

TestSuite(audit, .init = trail_set_up, .fini = trail_tear_down);

/* --- lines --- */

/* As docs/OPERATIONS.md tells a stranger to do it. */
Test(audit, a_hash_is_that_of_the_line_without_its_hash_member)
{
    trail made;
    uint8_t digest[32];
    char hex[65] = "";
    trail_open();
    iscep_audit_event(audit, "request_verified", ISCEP_LOG_TEXT("transaction_id", "A1"),
                      ISCEP_LOG_NUM("n", -5));
    trail_load(&made, path);
    static const char head[] =
        "{\"seq\":1,\"at\":\"2026-11-18T11:06:40.000Z\",\"event\":\"request_verified\","
        "\"transaction_id\":\"A1\",\"n\":-5,\"prev\":\"" ZEROS "\"";
    cr_assert_eq(made.count, 1);
    cr_assert_eq(strncmp(made.lines[0], head, sizeof head - 1), 0, "%s", made.lines[0]);
    char text[sizeof head + 1];
    snprintf(text, sizeof text, "%s}", head);
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    char tail[128];
    snprintf(tail, sizeof tail, ",\"hash\":\"%s\"}", hex);
    cr_assert_str_eq(made.lines[0] + sizeof head - 1, tail);
    char newest[ISCEP_AUDIT_HASH_SIZE];
    cr_assert_eq(iscep_audit_head(audit, newest), 1);
    cr_assert_str_eq(newest, hex);
    trail_clear(&made);
}

Test(audit, foreign_text_stays_within_its_member)
{
    trail made;
    static char long_text[100000];
    memset(long_text, 'x', sizeof long_text - 1);
    trail_open();
    iscep_audit_event(audit, "e", ISCEP_LOG_TEXT("a", "\",\"hash\":\"\n\x01\xFF\x9B"),
                      ISCEP_LOG_TEXT("b", long_text));
    trail_load(&made, path);
    cr_assert_eq(made.count, 1);
    cr_assert_not_null(strstr(made.lines[0], "\"a\":\"\\\",\\\"hash\\\":\\\"  ??\",\"b\":\"xxx"), "%s",
                       made.lines[0]);
    cr_assert_lt(strlen(made.lines[0]), 2000);
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 1);
    trail_clear(&made);
}

Test(audit, fields_that_do_not_fit_are_left_out_and_the_decision_is_not)
{
    static char text[1100];
    iscep_log_field fields[80];
    trail made;
    memset(text, '"', sizeof text - 1);
    for (size_t i = 0; i < 80; i++)
        fields[i] = ISCEP_LOG_TEXT("t", text);
    trail_open();
    iscep_audit_write(audit, "decided", fields, 80);
    trail_load(&made, path);
    cr_assert_not_null(strstr(made.lines[0], "\"event\":\"decided\",\"cut\":1,\"prev\""), "%s",
                       made.lines[0]);
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 1);
    trail_clear(&made);
}

Test(audit, a_file_is_nobody_elses_to_read)
{
    struct stat st;
    umask(0);
    trail_open();
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(audit, without_a_trail_nothing_is_written)
{
    iscep_audit_event(NULL, "decided", ISCEP_LOG_NUM("n", 1));
    cr_assert_neq(access(path, F_OK), 0);
}

/* --- what verify finds --- */

Test(audit, the_chain_goes_on_after_a_restart)
{
    for (int i = 0; i < 3; i++) {
        trail_open();
        trail_write(2);
        trail_close();
    }
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 6);
    cr_assert_eq(chain.first_seq, 1);
    cr_assert_eq(chain.head.seq, 6);
    cr_assert_eq(chain.torn_count, 0);
}

Test(audit, every_changed_byte_is_found_in_its_line)
{
    trail made;
    trail_make(&made, 3);
    const size_t len = strlen(made.lines[1]);
    for (size_t at = 0; at < len; at++) {
        const char was = made.lines[1][at];
        made.lines[1][at] = was == '7' ? '8' : '7';
        trail_store(&made);
        made.lines[1][at] = was;
        const iscep_audit_chain chain = trail_check();
        trail_assert_fault(&chain, ISCEP_AUDIT_CHANGED, 2);
    }
    trail_clear(&made);
}

Test(audit, a_line_written_anew_with_a_right_hash_breaks_the_next)
{
    trail made;
    trail_make(&made, 3);
    iscep_audit_link link = ISCEP_AUDIT_LINK_INIT;
    iscep_buf other;
    iscep_buf_init(&other, MAX_TRAIL_LEN);
    cr_assert_eq(iscep_audit_line_emit(&other, &link, 0, "forged", NULL, 0, &err), ISCEP_OK);
    other.len--;
    made.lines[0] = (char *)(uintptr_t)iscep_buf_text(&other);
    trail_store(&made);
    const iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_CHANGED, 2);
    iscep_buf_clear(&other);
    trail_clear(&made);
}

Test(audit, a_removed_line_is_found)
{
    for (size_t removed = 0; removed < 3; removed++) {
        trail made;
        trail_make(&made, 4);
        memmove(&made.lines[removed], &made.lines[removed + 1], (3 - removed) * sizeof *made.lines);
        made.count--;
        trail_store(&made);
        const iscep_audit_chain chain = trail_check();
        trail_assert_fault(&chain, ISCEP_AUDIT_REMOVED, removed + 1);
        cr_assert_eq(chain.wanted_seq, removed + 1);
        trail_clear(&made);
        cr_assert_eq(unlink(path), 0);
    }
}

Test(audit, lines_in_another_order_are_told_from_missing_ones)
{
    trail made;
    trail_make(&made, 4);
    char *second = made.lines[1];
    made.lines[1] = made.lines[2];
    made.lines[2] = second;
    trail_store(&made);
    iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_REORDERED, 2);
    made.lines[1] = second; /* one of them twice, the other gone */
    trail_store(&made);
    chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_REORDERED, 3);
    trail_clear(&made);
}

Test(audit, a_cut_end_is_found_by_who_remembers_the_newest_line)
{
    trail made;
    trail_make(&made, 3);
    const char *const files[] = {path};
    const iscep_audit_link newest = trail_check().head;
    iscep_audit_chain chain = trail_check_files(files, 1, &newest);
    cr_assert(chain.is_met);
    made.count--;
    trail_store(&made);
    chain = trail_check_files(files, 1, &newest);
    trail_assert_sound(&chain, 2);
    cr_assert_not(chain.is_met);
    iscep_audit_link other = newest; /* another trail, as long as this one */
    made.count++;
    trail_store(&made);
    other.hash[0] = other.hash[0] == 'a' ? 'b' : 'a';
    chain = trail_check_files(files, 1, &other);
    cr_assert_not(chain.is_met);
    trail_clear(&made);
}

Test(audit, a_last_line_that_was_changed_is_not_built_upon)
{
    trail made;
    trail_make(&made, 2);
    made.lines[1][20] ^= 1;
    trail_store(&made);
    trail_refuse("its last line is not as it was written");
    trail_clear(&made);
}

Test(audit, a_last_line_that_was_broken_and_ended_is_not_taken_for_a_crash)
{
    trail made;
    trail_make(&made, 2);
    made.lines[1][strlen(made.lines[1]) - 1] = '\0'; /* its brace */
    trail_store(&made);
    trail_refuse("its last line is not as it was written");
    trail_clear(&made);
}

Test(audit, a_file_of_something_else_is_left_alone)
{
    write_file(path, "root:x:0:0", 10, "wb");
    trail_refuse("it is no audit trail");
    write_file(path, "root:x:0:0\n", 11, "wb");
    trail_refuse("its last line is not as it was written");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    trail_refuse("cannot be opened");
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    trail_refuse("is not a file");
}

Test(audit, two_processes_do_not_write_one_trail)
{
    trail_open();
    trail_refuse("another process writes it");
}
