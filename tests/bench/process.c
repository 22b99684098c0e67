/* See process.h. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOP_TIMEOUT_MS = 5000 };

void bench_process_become_child(pid_t parent)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before we asked to be told */
        _exit(127);
}

static _Noreturn void run_program(const char *const argv[], int log_fd)
{
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(log_fd, STDOUT_FILENO) >= 0 &&
        dup2(log_fd, STDERR_FILENO) >= 0)
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(log_fd, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

iscep_status bench_process_start(bench_process *out, const char *const argv[], const char *log_path,
                                 iscep_error *err)
{
    int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return iscep_error_set(err, ISCEP_STORAGE, "log", "%s: %s", log_path, strerror(errno));
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        bench_process_become_child(parent);
        run_program(argv, log_fd);
    }
    int fork_errno = errno;
    close(log_fd);
    if (pid < 0)
        return iscep_error_set(err, ISCEP_NOMEM, "fork", "cannot start %s: %s", argv[0],
                               strerror(fork_errno));
    out->pid = pid;
    return ISCEP_OK;
}

static void wait_for_end(pid_t pid, int timeout_ms)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    while (poll(&ended, 1, timeout_ms) < 0 && errno == EINTR)
        ;
    close(fd);
}

void bench_process_stop(bench_process *process)
{
    if (process->pid == 0)
        return;
    kill(process->pid, SIGTERM);
    wait_for_end(process->pid, STOP_TIMEOUT_MS);
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    process->pid = 0;
}

bool bench_process_is_running(const bench_process *process)
{
    siginfo_t info = {0};
    return process->pid != 0 && waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

int64_t bench_process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int64_t bench_process_memory_kib(pid_t pid, const char *field)
{
    char path[64];
    char line[256];
    long long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    if (status == NULL)
        return -1;
    size_t len = strlen(field);
    while (kib < 0 && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, field, len) == 0 && line[len] == ':' &&
            sscanf(line + len + 1, "%lld kB", &kib) != 1)
            break;
    fclose(status);
    return kib;
}

int64_t bench_process_fd_count(pid_t pid)
{
    char path[64];
    int64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -1;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            count++;
    closedir(dir);
    return count;
}
