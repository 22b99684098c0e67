/* A signal in the middle of setup's writing takes effect when all is written, or nothing of it is left: no copy of the secret. */
#include "ctl/setup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

static const char tenant_id[] = "11111111-2222-3333-4444-555555555555";
static const char client_id[] = "66666666-7777-8888-9999-aaaaaaaaaaaa";

static temp_dir dir;
static ctl_request request;
static setup_job job;
static char paths[3][128];

/* The signal comes before this call of rename(), which then fails or does not. */
static struct {
    int number;
    int at;
    bool fails;
} blow;

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

/* The linker's --wrap: from here all is staged, and nothing yet in its place. */
int __wrap_rename(const char *from, const char *to)
{
    if (blow.at-- != 0)
        return __real_rename(from, to);
    raise(blow.number);
    errno = EIO;
    return blow.fails ? -1 : __real_rename(from, to);
}

static void set(const char *section, const char *key, const char *value)
{
    ctl_setting *setting = &job.settings[job.setting_count++];
    snprintf(setting->section, sizeof setting->section, "%s", section);
    snprintf(setting->key, sizeof setting->key, "%s", key);
    setting->value = value;
}

static void set_up(void)
{
    static const char *const places[][3] = {{"connector", "listen", "run/c.sock"},
                                            {"connector", "audit", "state/audit.log"},
                                            {"journal", "path", "state/journal.db"}};
    static char config_path[128];
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_make(&dir);
    temp_dir_path(&dir, config_path, sizeof config_path, "conf/connector.conf");
    request.config_path = config_path;
    request.user = geteuid() == 0 ? "root" : NULL;
    job.request = &request;
    job.name = SETUP_DEFAULT_NAME;
    memcpy(job.tenant_id, tenant_id, sizeof tenant_id);
    memcpy(job.client_id, client_id, sizeof client_id);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const size_t at = strcmp(places[i][1], "listen") == 0 ? sizeof "unix:" - 1 : 0;
        memcpy(paths[i], "unix:", at);
        temp_dir_path(&dir, paths[i] + at, sizeof paths[i] - at, places[i][2]);
        set(places[i][0], places[i][1], paths[i]);
    }
    cr_assert_null(ctl_setup_read_secret(&job.secret, iscep_bytes_of_text("a-secret")));
    cr_assert_eq(setup_look_around(&job, &err), ISCEP_OK, "%s", err.message);
    cr_assert(mkdir(job.directory, 0700) == 0 && mkdir(job.secrets_directory, 0700) == 0);
}

static void tear_down(void)
{
    iscep_secret_free(job.secret);
    temp_dir_remove(&dir);
}

TestSuite(setup_write, .init = set_up, .fini = tear_down);

static size_t file_count;

static int count_file(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)path, (void)found, (void)at;
    file_count += kind == FTW_F;
    return 0;
}

static size_t count_files(void)
{
    file_count = 0;
    cr_assert_eq(nftw(dir.path, count_file, 8, FTW_PHYS), 0);
    return file_count;
}

/* In a child, whose end is that of a program to which this happens. */
static void write_in_child(void)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        iscep_error err = ISCEP_ERROR_INIT;
        signal(blow.number, SIG_DFL);
        const iscep_status written = setup_write(&job, &err);
        _exit(written == ISCEP_OK ? 40 : 41); /* it was not ended */
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == blow.number, "signal %d: 0x%04x", blow.number,
              (unsigned)status);
}

static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGXCPU, SIGALRM};

Test(setup_write, a_signal_in_the_middle_takes_effect_when_all_is_written)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        blow.number = ends[i];
        blow.at = (int)i % 2; /* before the first, and between the two */
        write_in_child();
        cr_assert(access(job.secret_path, F_OK) == 0 && access(job.config_path, F_OK) == 0);
        cr_assert_eq(count_files(), 2, "secret and configuration, and nothing beside them");
        cr_assert(unlink(job.secret_path) == 0 && unlink(job.config_path) == 0);
    }
}

Test(setup_write, a_signal_and_a_failure_in_the_middle_leave_nothing)
{
    blow.fails = true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        blow.number = ends[i];
        blow.at = (int)i % 2;
        write_in_child();
        cr_assert_eq(count_files(), 0);
    }
}

Test(setup_write, a_signal_before_and_after_it_is_not_held)
{
    iscep_error err = ISCEP_ERROR_INIT;
    sigset_t before, after;
    blow.at = -1;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    cr_assert_eq(setup_write(&job, &err), ISCEP_OK, "%s", err.message);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        cr_assert_eq(sigismember(&after, ends[i]), sigismember(&before, ends[i]));
    cr_assert_eq(count_files(), 2);
    iscep_config_free(job.config);
}
