/*
 * A CA that openssl ca(1) has made and goes on using: what we revoke, it knows, and what disturbs us leaves its files
 * whole. The openssl program is the judge of everything.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/loop_thread.h"
#include "tests/unit/ca/bench.h"

#define CONFIG                                                                                               \
    "[ca]\ndefault_ca = test\n"                                                                              \
    "[test]\ndatabase = index.txt\nserial = serial\ncrlnumber = crlnumber\nnew_certs_dir = .\n"              \
    "certificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\ndefault_days = 30\n"                   \
    "default_crl_days = 3\npolicy = policy\n"                                                                \
    "[policy]\ncommonName = supplied\n"

#define NEW_CA                                                                                               \
    "touch index.txt && echo 1000 >serial && echo 1F >crlnumber && "                                         \
    "openssl req -x509 -newkey $KEY -nodes -keyout ca.key -out ca.pem -days 90 -subj '/CN=Test CA' "         \
    "-addext keyUsage=critical,keyCertSign,cRLSign 2>&1 && issue 1 && issue 2 && issue 3"

static bench b;
static char output[16 * 1024];

/* Runs a shell script in the CA's directory; its exit code. */
static int shell(const char *format, ...)
{
    char script[4096], command[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(script, sizeof script, format, arguments);
    va_end(arguments);
    snprintf(
        command, sizeof command,
        "exec 2>&1; cd %s || exit 99; KEY='%s'; "
        "openssl() { " OPENSSL_PROGRAM " \"$@\"; }; "
        "issue() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null "
        "-out req.pem "
        "-subj /CN=device-$1 2>&1 && openssl ca -batch -config ca.cnf -in req.pem -out $1.pem -notext; }; %s",
        b.dir.path, getenv("TEST_KEY") != NULL ? getenv("TEST_KEY") : "ec -pkeyopt ec_paramgen_curve:P-256",
        script);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    int state = pclose(pipe);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void must(const char *script)
{
    cr_assert_eq(shell("%s", script), 0, "%s\n%s", script, output);
}

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_OPENSSL);
    bench_write(&b, "ca.cnf", CONFIG);
    b.options.index_file = bench_path(&b, "index.txt");
    b.options.crl_file = bench_path(&b, "ca.crl");
    b.options.crl_number_file = bench_path(&b, "crlnumber");
    b.options.ca_certificate = bench_path(&b, "ca.pem");
    b.options.ca_key = bench_path(&b, "ca.key");
    must(NEW_CA);
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(openssl_ca, .init = set_up, .fini = tear_down, .timeout = 60);

static iscep_buf read_file(const char *name)
{
    iscep_buf content;
    iscep_buf_init(&content, 1024 * 1024);
    cr_assert_eq(iscep_file_read(&content, NULL, bench_path(&b, name), NULL), ISCEP_OK, "%s", name);
    return content;
}

static void assert_holds(const char *name, const char *want)
{
    iscep_buf content = read_file(name);
    cr_assert_str_eq(iscep_buf_text(&content), want, "%s", name);
    iscep_buf_clear(&content);
}

static void assert_said(const char *want)
{
    cr_assert_not_null(strstr(output, want), "\"%s\" is not in\n%s", want, output);
}

/* CERTIFICATE.pem is refused because it is revoked, or accepted. */
static void assert_judged(const char *name, bool is_revoked)
{
    int code = shell("{ cat ca.pem; openssl crl -in ca.crl; } >chain.pem && "
                     "openssl verify -crl_check -CAfile chain.pem %s.pem",
                     name);
    cr_assert_eq(code, is_revoked ? 2 : 0, "%s", output);
    assert_said(is_revoked ? "certificate revoked" : ": OK");
}

static void assert_no_litter(void)
{
    must("ls index.txt.?????? crlnumber.?????? ca.crl.?????? 2>/dev/null | grep -v -E 'old$|attr$' | grep . "
         "&& exit 1; true");
}

Test(openssl_ca, what_we_revoke_openssl_calls_revoked)
{
    bench_expect(&b, "1001", ISCEP_CA_REVOKED, "");
    shell("openssl ca -config ca.cnf -status 1001");
    assert_said("1001=Revoked (R)");
    shell("openssl ca -config ca.cnf -status 1000");
    assert_said("1000=Valid (V)");
    must("openssl crl -in ca.crl -CAfile ca.pem -noout");
    assert_said("verify OK");
    assert_judged("2", true);
    assert_judged("1", false);
    assert_no_litter();
}

Test(openssl_ca, crl_is_of_version_2_with_number_key_and_reason)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("openssl crl -in ca.crl -noout -text");
    assert_said("Version 2 (0x1)");
    assert_said("CRL Number: \n                31\n"); /* 1F */
    assert_said("Authority Key Identifier");
    assert_said("Serial Number: 1000");
    assert_said("Cessation Of Operation");
    assert_holds("crlnumber", "20\n");
    must("test $(( $(date -d \"$(openssl crl -in ca.crl -noout -nextupdate | cut -d= -f2)\" +%s) - "
         "$(date -d \"$(openssl crl -in ca.crl -noout -lastupdate | cut -d= -f2)\" +%s) )) = $((7 * 86400))");
}

Test(openssl_ca, openssl_goes_on_with_our_files)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("openssl ca -config ca.cnf -revoke 3.pem -crl_reason superseded && issue 4 && "
         "openssl ca -config ca.cnf -gencrl -out ca.crl && openssl crl -in ca.crl -noout -text");
    assert_said("CRL Number: \n                32\n");
    assert_said("Serial Number: 1000");
    assert_said("Serial Number: 1002");
    bench_expect(&b, "1003", ISCEP_CA_REVOKED, "");
    must("openssl crl -in ca.crl -noout -text");
    assert_said("CRL Number: \n                33\n");
    assert_said("Serial Number: 1002");
    assert_said("Superseded");
    assert_judged("3", true);
    assert_judged("4", true);
    assert_judged("2", false);
}

Test(openssl_ca, rsa_key_with_a_password_signs_and_pem_is_pem)
{
    setenv("TEST_KEY", "rsa:2048", 1);
    must("rm -f index.txt* serial* crlnumber* *.pem && " NEW_CA
         " && openssl pkcs8 -topk8 -in ca.key -out enc.key -passout pass:canary && rm ca.key");
    b.options.ca_key = bench_path(&b, "enc.key");
    b.options.ca_key_password_file = bench_write(&b, "password", "canary\n");
    b.options.crl_file = bench_path(&b, "ca.crl.pem");
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("grep -q 'BEGIN X509 CRL' ca.crl.pem && openssl crl -in ca.crl.pem -CAfile ca.pem -noout");
    assert_said("verify OK");
}

Test(openssl_ca, certificate_that_was_revoked_before_is_as_good_and_nothing_is_written)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("stat -c '%i %y' index.txt ca.crl crlnumber >before");
    bench_expect(&b, "1000", ISCEP_CA_ALREADY_REVOKED, "");
    must("stat -c '%i %y' index.txt ca.crl crlnumber | cmp - before");
}

Test(openssl_ca, expired_one_is_marked_as_openssl_would)
{
    must("sed -i '1s/^V/E/' index.txt");
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("grep -c '^R.*1000' index.txt");
}

Test(openssl_ca, unknown_serial_number_is_not_found_and_nothing_is_written)
{
    must("stat -c '%i' index.txt >before");
    bench_expect(&b, "1003", ISCEP_CA_NOT_FOUND, "does not know");
    bench_expect(&b, "10", ISCEP_CA_NOT_FOUND, "");
    must("stat -c '%i' index.txt | cmp - before && test ! -e ca.crl");
}

Test(openssl_ca, serial_number_that_stands_there_twice_is_a_conflict)
{
    must("sed -n 1p index.txt | sed 's/1000/001000/' >>index.txt && cp index.txt before");
    bench_expect(&b, "1000", ISCEP_CA_CONFLICT, "more than once");
    must("cmp index.txt before && test ! -e ca.crl");
}

Test(openssl_ca, reason_that_openssl_does_not_know_is_unsupported)
{
    iscep_ca_request request = bench_request(&b, "1000");
    request.reason = ISCEP_CRL_PRIVILEGE_WITHDRAWN;
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_UNSUPPORTED);
    request.reason = ISCEP_CRL_UNSPECIFIED;
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_REVOKED);
    must("grep '^R' index.txt | cut -f3 | grep -q -v , && openssl crl -in ca.crl -noout -text | grep -c "
         "Reason; true");
    cr_assert_eq(strncmp(output, "0", 1), 0, "%s", output);
}

Test(openssl_ca, damaged_lines_stay_byte_for_byte)
{
    must("printf '# mine\\n\\nV\\tbroken\\n\\000\\001binary\\n' >head; printf 'no line end' >tail; "
         "cat head index.txt tail >new && mv new index.txt");
    bench_expect(&b, "1001", ISCEP_CA_REVOKED, "");
    must("head -c $(stat -c %s head) index.txt | cmp - head && tail -c $(stat -c %s tail) index.txt | cmp - "
         "tail && "
         "test $(wc -l <index.txt) = 7");
    assert_judged("2", true);
}

/* A CRL without it would make a revoked certificate valid again. */
Test(openssl_ca, lost_revocation_stops_the_crl)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("cp ca.crl before && sed -i '/^R/s/1000/10?0/' index.txt");
    bench_expect(&b, "1001", ISCEP_CA_CRYPTOGRAPHY, "valid again");
    must("cmp ca.crl before && grep -q '^R.*1001' index.txt");
}

Test(openssl_ca, mode_and_group_of_the_index_stay)
{
    must("chmod 640 index.txt && chgrp 1 index.txt 2>/dev/null; stat -c '%a %g' index.txt >before");
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("stat -c '%a %g' index.txt | cmp - before");
}

Test(openssl_ca, index_behind_a_symbolic_link_stays_behind_it)
{
    must("mkdir real && mv index.txt real/ && ln -s real/index.txt index.txt");
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("test -L index.txt && grep -q '^R.*1000' real/index.txt");
}

/* --- the lock --- */

static int hold_lock(const char *name)
{
    int fd = open(bench_path(&b, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    return fd;
}

Test(openssl_ca, waits_for_the_lock_until_its_deadline)
{
    int fd = hold_lock("index.txt.lock");
    b.options.timeout_ms = 400;
    bench_expect(&b, "1000", ISCEP_CA_BUSY, "holds the lock");
    must("test ! -e ca.crl && ! grep -q '^R' index.txt");
    close(fd);
    b.options.timeout_ms = 10000;
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
}

Test(openssl_ca, begins_when_the_lock_is_free)
{
    b.options.lock_file = bench_path(&b, "my.lock");
    bench_open(&b);
    int fd = hold_lock("my.lock");
    answer a = {.loop = b.loop};
    const iscep_ca_request request = bench_request(&b, "1000");
    iscep_ca_revoke(b.ca, &request, answer_catch, &a);
    cr_assert_eq(a.count, 0);
    close(fd);
    loop_run_until(b.loop, &a.is_there);
    cr_assert_eq(a.outcome, ISCEP_CA_REVOKED, "%s", a.message);
    must("test ! -e index.txt.lock");
}

Test(openssl_ca, that_is_freed_does_not_wait_for_the_lock)
{
    int fd = hold_lock("index.txt.lock");
    bench_open(&b);
    answer a = {0};
    const iscep_ca_request request = bench_request(&b, "1000");
    iscep_ca_revoke(b.ca, &request, answer_catch, &a);
    int64_t before_ms = iscep_now_mono_ms(&b.env);
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_lt(iscep_now_mono_ms(&b.env) - before_ms, 5000);
    cr_assert_eq(a.outcome, ISCEP_CA_UNAVAILABLE);
    close(fd);
}

Test(openssl_ca, all_at_once_are_all_revoked)
{
    answer answers[3] = {0};
    static const char *const serials[] = {"1000", "1001", "1002"};
    bench_open(&b);
    for (size_t i = 0; i < 3; i++) {
        const iscep_ca_request request = bench_request(&b, serials[i]);
        answers[i].loop = b.loop;
        iscep_ca_revoke(b.ca, &request, answer_catch, &answers[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        loop_run_until(b.loop, &answers[i].is_there);
        cr_assert_eq(answers[i].outcome, ISCEP_CA_REVOKED, "%s", answers[i].message);
    }
    for (const char *const *name = (const char *const[]){"1", "2", "3", NULL}; *name != NULL; name++)
        assert_judged(*name, true);
}

/* --- faults --- */

Test(openssl_ca, key_that_has_gone_is_a_matter_of_cryptography_and_the_next_call_mends_the_crl)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("mv ca.key away.key && cp ca.crl before");
    bench_expect(&b, "1001", ISCEP_CA_CRYPTOGRAPHY, "marked in index.txt, but there is no new CRL");
    must("cmp ca.crl before && grep -q '^R.*1001' index.txt");
    bench_expect(&b, "1001", ISCEP_CA_CRYPTOGRAPHY, "");
    must("mv away.key ca.key");
    bench_expect(&b, "1001", ISCEP_CA_ALREADY_REVOKED, "");
    assert_judged("2", true);
}

Test(openssl_ca, crl_number_that_cannot_be_had_is_a_failure_and_the_next_call_mends_the_crl)
{
    bench_open(&b);
    must("echo x >crlnumber");
    bench_expect(&b, "1000", ISCEP_CA_FAILED, "does not hold a number");
    must("test ! -e ca.crl && echo FF >crlnumber");
    bench_expect(&b, "1000", ISCEP_CA_ALREADY_REVOKED, "");
    assert_holds("crlnumber", "0100\n");
    assert_judged("1", true);
}

/* As a full disk: writes end in the middle of a file. */
static void limit_file_size(rlim_t len)
{
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){len, RLIM_INFINITY}), 0);
}

Test(openssl_ca, full_disk_leaves_the_old_files_whole)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("mkdir before && cp index.txt crlnumber ca.crl before/");
    limit_file_size(20);
    bench_expect(&b, "1001", ISCEP_CA_FAILED, "File too large");
    limit_file_size(RLIM_INFINITY);
    must("cmp index.txt before/index.txt && cmp ca.crl before/ca.crl && cmp crlnumber before/crlnumber");
    assert_no_litter();
    bench_expect(&b, "1001", ISCEP_CA_REVOKED, "");
}

/* index.txt fits, the CRL does not. */
Test(openssl_ca, disk_that_is_full_for_the_crl_leaves_the_old_one_and_is_mended)
{
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    must("cp ca.crl before; echo $(( $(stat -c %s index.txt) + 60 )) $(stat -c %s ca.crl)");
    long index_len = 0, crl_len = 0;
    cr_assert_eq(sscanf(output, "%ld %ld", &index_len, &crl_len), 2);
    cr_assert_lt(index_len, crl_len, "the test needs a CRL that is larger than the index: %ld %ld", index_len,
                 crl_len);
    limit_file_size((rlim_t)index_len);
    bench_expect(&b, "1001", ISCEP_CA_FAILED, "no new CRL");
    limit_file_size(RLIM_INFINITY);
    must("cmp ca.crl before && grep -q '^R.*1001' index.txt");
    assert_no_litter();
    bench_expect(&b, "1001", ISCEP_CA_ALREADY_REVOKED, "");
    assert_judged("2", true);
}

Test(openssl_ca, directory_that_may_not_be_written_leaves_the_old_files_whole)
{
    must("mkdir index && mv index.txt index/ && cp index/index.txt before && touch lock");
    b.options.index_file = bench_path(&b, "index/index.txt");
    b.options.lock_file = bench_path(&b, "lock");
    bench_open(&b);
    must("mount --bind index index 2>/dev/null && mount -o remount,ro,bind index 2>/dev/null || chmod 555 "
         "index");
    int is_writable = access(bench_path(&b, "index"), W_OK);
    if (is_writable == 0) {
        cr_log_warn("root, and no mount: nothing can be made read-only here");
        return;
    }
    bench_expect(&b, "1000", ISCEP_CA_FAILED, "cannot write beside");
    must("cmp index/index.txt before && test ! -e ca.crl; r=$?; umount index 2>/dev/null || chmod 755 index; "
         "exit $r");
}

/* --- somebody who takes no lock --- */

static unsigned changes_left;

/* Between reading and replacing, the clock is asked for the revocation date: just then somebody issues another one. */
static int64_t change_the_index_and_tell_the_time(void *user)
{
    (void)user;
    if (changes_left > 0) {
        changes_left--;
        must("cp index.txt mine && printf 'V\\t990101000000Z\\t\\tAA\\tunknown\\t/CN=more\\n' >>mine && "
             "mv mine index.txt");
    }
    return 1795332000000;
}

Test(openssl_ca, index_that_somebody_else_changes_meanwhile_is_read_anew)
{
    b.env.now_unix_ms = change_the_index_and_tell_the_time;
    changes_left = 1;
    bench_expect(&b, "1000", ISCEP_CA_REVOKED, "");
    cr_assert_eq(changes_left, 0);
    must("grep -q '^R.*261122072000Z,cessationOfOperation.*1000' index.txt && grep -q 'CN=more' index.txt");
}

Test(openssl_ca, index_that_never_rests_is_busy)
{
    b.env.now_unix_ms = change_the_index_and_tell_the_time;
    changes_left = 100;
    bench_expect(&b, "1000", ISCEP_CA_BUSY, "somebody else has changed");
    must("test $(grep -c 'CN=more' index.txt) = 5 && ! grep -q '^R' index.txt && test ! -e ca.crl");
    assert_no_litter();
}

Test(openssl_ca, options_that_are_wrong_are_refused)
{
    b.options.crl_days = 0;
    bench_assert_refused(&b, "crl_days");
    b.options.crl_days = 7;
    b.options.index_file = "/nonexistent";
    bench_assert_refused(&b, "index_file: /nonexistent");
    b.options.index_file = NULL;
    bench_assert_refused(&b, "index_file is missing");
    b.options.index_file = bench_path(&b, "index.txt");
    b.options.crl_number_file = "/nonexistent";
    bench_assert_refused(&b, "crl_number_file: /nonexistent");
    b.options.crl_number_file = bench_path(&b, "crlnumber");
    b.options.ca_certificate = bench_path(&b, "1.pem");
    bench_assert_refused(&b, "no certificate belongs to the key");
    b.options.ca_certificate = NULL;
    bench_assert_refused(&b, "ca_certificate is missing");
    b.options.ca_certificate = bench_path(&b, "ca.pem");
    b.options.ca_key_password_file = "/nonexistent";
    bench_assert_refused(&b, "/nonexistent");
}
