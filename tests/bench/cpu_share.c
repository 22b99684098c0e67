/* See cpu_share.h. */
#include "cpu_share.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PERIOD_US = 50000, LINE_SIZE = 1024, PATH_ROOM = BENCH_GROUP_PATH_SIZE / 2 };

/* Where our own group is, and by which rules. */
typedef struct hierarchy {
    bool is_v2;
    char mount[PATH_ROOM];
    char own[BENCH_GROUP_PATH_SIZE];
} hierarchy;

static iscep_status failed(iscep_error *err, const char *path)
{
    return iscep_error_set(err, ISCEP_CONFIG, "cgroup", "%s: %s", path, strerror(errno));
}

/* Is word one of list's, which has them between commas or spaces? */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(list, word); at != NULL; at = strstr(at + len, word))
        if ((at == list || at[-1] == ',' || at[-1] == ' ') && strchr(", \n", at[len]) != NULL)
            return true;
    return false;
}

/* --- which control groups there are --- */

/* Is the controller named in that file of the group? Version 2. */
static bool is_cpu_in(const char *group, const char *name)
{
    char path[BENCH_GROUP_PATH_SIZE + 64], list[LINE_SIZE] = "";
    snprintf(path, sizeof path, "%s/%s", group, name);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(list, sizeof list, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read && has_word(list, "cpu");
}

/* A line of proc(5)'s mountinfo: "… mount point …  - type source super-options". */
static bool read_mount(hierarchy *out, const char *line)
{
    char type[32], options[LINE_SIZE];
    const char *end = strstr(line, " - ");
    if (end == NULL || sscanf(line, "%*s %*s %*s %*s %255s", out->mount) != 1 ||
        sscanf(end, " - %31s %*s %1023s", type, options) != 2)
        return false;
    out->is_v2 = strcmp(type, "cgroup2") == 0;
    return out->is_v2 ? is_cpu_in(out->mount, "cgroup.controllers")
                      : strcmp(type, "cgroup") == 0 && has_word(options, "cpu");
}

static bool find_mount(hierarchy *out)
{
    char line[LINE_SIZE];
    bool is_found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL)
        is_found = read_mount(out, line);
    if (file != NULL)
        fclose(file);
    return is_found;
}

/* Ours: "4:cpu,cpuacct:/path" in version 1, "0::/path" in version 2. */
static bool is_own_line(const hierarchy *h, char *line, const char **path)
{
    char *controllers = strchr(line, ':');
    char *colon = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    *path = colon + 1;
    colon[1 + strcspn(colon + 1, "\n")] = '\0';
    return h->is_v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
}

static iscep_status find_hierarchy(hierarchy *out, iscep_error *err)
{
    char line[LINE_SIZE];
    const char *path = NULL;
    if (!find_mount(out))
        return iscep_error_set(err, ISCEP_CONFIG, "cgroup",
                               "there are no control groups with the controller cpu");
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && path == NULL && fgets(line, sizeof line, file) != NULL)
        if (!is_own_line(out, line, &path))
            path = NULL;
    if (file != NULL)
        fclose(file);
    if (path == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "cgroup", "/proc/self/cgroup does not say where we are");
    snprintf(out->own, sizeof out->own, "%s%.*s", out->mount, PATH_ROOM - 1,
             strcmp(path, "/") == 0 ? "" : path);
    return ISCEP_OK;
}

/* --- groups --- */

static iscep_status write_value(const char *group, const char *name, const char *value, iscep_error *err)
{
    char path[BENCH_GROUP_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", group, name);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return failed(err, path);
    bool is_written = fputs(value, file) >= 0;
    is_written = fclose(file) == 0 && is_written;
    return is_written ? ISCEP_OK : failed(err, path);
}

static iscep_status limit_v1(const char *group, bench_cpu_sharer kind, const char *id, uint32_t quota_us,
                             iscep_error *err)
{
    char quota[32], period[32];
    snprintf(quota, sizeof quota, "%u", quota_us);
    snprintf(period, sizeof period, "%d", PERIOD_US);
    iscep_status status = write_value(group, "cpu.cfs_period_us", period, err);
    if (status == ISCEP_OK)
        status = write_value(group, "cpu.cfs_quota_us", quota, err);
    return status == ISCEP_OK ? write_value(group, kind == BENCH_THREAD ? "tasks" : "cgroup.procs", id, err)
                              : status;
}

static iscep_status pass_on_cpu(bench_cpu_shares *shares, const char *own, iscep_error *err)
{
    static const char file[] = "cgroup.subtree_control";
    if (is_cpu_in(own, file))
        return ISCEP_OK;
    iscep_status status = write_value(own, file, "+cpu", err);
    if (status == ISCEP_OK)
        snprintf(shares->passed_on, sizeof shares->passed_on, "%s", own);
    return status;
}

/* A threaded group makes its parent a place where threads may be apart, and there the controller may be passed on though
 * processes are in it (Linux, cgroup-v2.rst, "Threads"). */
static iscep_status limit_v2(bench_cpu_shares *shares, const char *own, const char *group,
                             bench_cpu_sharer kind, const char *id, uint32_t quota_us, iscep_error *err)
{
    char limit[64];
    snprintf(limit, sizeof limit, "%u %d", quota_us, PERIOD_US);
    iscep_status status = write_value(group, "cgroup.type", "threaded", err);
    if (status == ISCEP_OK)
        status = pass_on_cpu(shares, own, err);
    if (status == ISCEP_OK)
        status = write_value(group, "cpu.max", limit, err);
    return status == ISCEP_OK
               ? write_value(group, kind == BENCH_THREAD ? "cgroup.threads" : "cgroup.procs", id, err)
               : status;
}

static iscep_status add_group(bench_cpu_shares *shares, const hierarchy *h, bench_cpu_sharer kind,
                              pid_t sharer, uint32_t quota_us, iscep_error *err)
{
    char *group = shares->groups[shares->count], id[32];
    int len =
        snprintf(group, BENCH_GROUP_PATH_SIZE, "%s/iscep-bench-%d-%zu", h->own, (int)getpid(), shares->count);
    snprintf(id, sizeof id, "%d", (int)sharer);
    if (len < 0 || len >= BENCH_GROUP_PATH_SIZE || mkdir(group, 0700) != 0)
        return failed(err, group);
    shares->count++;
    return h->is_v2 ? limit_v2(shares, h->own, group, kind, id, quota_us, err)
                    : limit_v1(group, kind, id, quota_us, err);
}

iscep_status bench_cpu_shares_open(bench_cpu_shares *out, bench_cpu_sharer kind, const pid_t *sharers,
                                   size_t count, uint32_t percent, iscep_error *err)
{
    hierarchy h;
    *out = (bench_cpu_shares){0};
    iscep_status status = count <= BENCH_MAX_SHARES
                              ? find_hierarchy(&h, err)
                              : iscep_error_set(err, ISCEP_CONFIG, "cgroup", "too many of them");
    for (size_t i = 0; i < count && status == ISCEP_OK; i++)
        status = add_group(out, &h, kind, sharers[i], PERIOD_US / 100 * percent, err);
    return status;
}

void bench_cpu_shares_close(bench_cpu_shares *shares)
{
    for (size_t i = 0; i < shares->count; i++)
        rmdir(shares->groups[i]);
    if (shares->passed_on[0] != '\0' &&
        write_value(shares->passed_on, "cgroup.subtree_control", "-cpu", NULL) == ISCEP_OK)
        shares->passed_on[0] = '\0';
    shares->count = 0;
}
