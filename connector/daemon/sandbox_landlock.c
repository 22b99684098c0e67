/* See sandbox_landlock.h. glibc has no functions for these three calls. */
#include "daemon/sandbox_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel may know and the header not: linux/landlock.h of version 3 and of version 6. */
enum {
    ACCESS_FS_TRUNCATE = 1U << 14,
    SCOPE_SIGNAL = 1U << 1,
    VERSION_OF_REFER = 2,
    VERSION_OF_TRUNCATE = 3,
    VERSION_OF_SCOPES = 6
};

/* struct landlock_ruleset_attr of version 6; an older kernel takes what is zero behind its own. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

enum {
    IN_DIRECTORIES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM,
    NOWHERE = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
};

/* Below 1: there is none, with errno. */
static int kernel_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Those of later versions: renaming from one directory to another, and truncate(2). */
static uint64_t in_directories(int version)
{
    uint64_t access = IN_DIRECTORIES;
    if (version >= VERSION_OF_REFER)
        access |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= VERSION_OF_TRUNCATE)
        access |= ACCESS_FS_TRUNCATE;
    return access;
}

static iscep_status refused(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_STORAGE, "landlock", "%s: %s", what, strerror(errno));
}

/* False: not, with errno. */
static bool allow(int rules, const char *path, uint64_t rights)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    const bool is_taken = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    const int error_number = errno;
    close(fd);
    errno = error_number;
    return is_taken;
}

/* Those that are there: what nobody wants is written into some, and a key may be in a TPM. */
static void allow_devices(int rules)
{
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tpm0", "/dev/tpmrm0"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        (void)allow(rules, devices[i], LANDLOCK_ACCESS_FS_WRITE_FILE);
}

static void allow_directories(int rules, int version, iscep_sandbox_paths *writable)
{
    size_t kept = 0;
    for (size_t i = 0; i < writable->count; i++) {
        if (allow(rules, writable->paths[i], in_directories(version))) {
            writable->paths[kept++] = writable->paths[i];
            continue;
        }
        iscep_sandbox_paths_miss(writable, writable->paths[i], errno);
        free(writable->paths[i]);
    }
    writable->count = kept;
}

iscep_status iscep_landlock_confine(int *version, iscep_sandbox_paths *writable, bool may_run,
                                    iscep_error *err)
{
    *version = kernel_version();
    if (*version < 1)
        return refused(err, "the kernel has none");
    const struct ruleset ruleset = {.handled_access_fs =
                                        in_directories(*version) | NOWHERE | LANDLOCK_ACCESS_FS_EXECUTE,
                                    .scoped = *version >= VERSION_OF_SCOPES ? SCOPE_SIGNAL : 0};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (rules < 0)
        return refused(err, "no rules");
    iscep_status status = ISCEP_OK;
    if (may_run && !allow(rules, "/", LANDLOCK_ACCESS_FS_EXECUTE))
        status = refused(err, "programs cannot be allowed");
    allow_devices(rules);
    allow_directories(rules, *version, writable);
    if (status == ISCEP_OK && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        status = refused(err, "the rules are not taken");
    close(rules);
    return status;
}
