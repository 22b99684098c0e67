/* See process_facts.h. proc(5) says what is where. */
#include "base/process_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_FILE_LEN = 8 * 1024 };

/* The beginning of a file of /proc, as text. False: there is none. */
static bool read_text(char out[MAX_FILE_LEN], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, out, MAX_FILE_LEN - 1);
    close(fd);
    if (len < 0)
        return false;
    out[len] = '\0';
    return true;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return -1;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* "size resident shared …" in pages */
static double resident_bytes(void)
{
    char text[MAX_FILE_LEN], *end;
    if (!read_text(text, "/proc/self/statm"))
        return -1;
    (void)strtoull(text, &end, 10);
    return (double)strtoull(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

/* -1: it cannot be read. */
static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    if (directory == NULL)
        return -1;
    for (const struct dirent *at = readdir(directory); at != NULL; at = readdir(directory))
        count += at->d_name[0] != '.';
    closedir(directory);
    return count;
}

static double open_fds(void)
{
    const int count = count_entries("/proc/self/fd");
    return count < 0 ? -1 : count - 1; /* the one that counts */
}

static double max_fds(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : -1;
}

/* When the machine was started: the line "btime SECONDS". */
static double boot_unix(void)
{
    FILE *file = fopen("/proc/stat", "re");
    char *line = NULL;
    size_t size = 0;
    double found = -1;
    while (file != NULL && found < 0 && getline(&line, &size, file) > 0)
        if (strncmp(line, "btime ", 6) == 0)
            found = (double)strtoull(line + 6, NULL, 10);
    free(line);
    if (file != NULL)
        fclose(file);
    return found;
}

/* Field 22 of /proc/self/stat, in ticks since then. The second field, the name in brackets, may hold anything. */
static double start_unix(void)
{
    char text[MAX_FILE_LEN];
    double boot = boot_unix();
    const char *at = boot > 0 && read_text(text, "/proc/self/stat") ? strrchr(text, ')') : NULL;
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? -1 : boot + (double)strtoull(at + 1, NULL, 10) / (double)sysconf(_SC_CLK_TCK);
}

void iscep_process_facts_read(iscep_process_facts *out)
{
    static _Thread_local double started; /* never changes, and costs the most */
    if (started <= 0)
        started = start_unix();
    *out = (iscep_process_facts){.cpu_seconds = cpu_seconds(),
                                 .resident_bytes = resident_bytes(),
                                 .open_fds = open_fds(),
                                 .max_fds = max_fds(),
                                 .start_unix = started};
}

int iscep_process_count_threads(void)
{
    return count_entries("/proc/self/task");
}
