/* See fake_env.h. */
#include "tests/support/fake_env.h"

#include <string.h>

static int64_t read_mono_ms(void *user)
{
    const fake_env *fake = user;
    return fake->mono_ms;
}

static int64_t read_unix_ms(void *user)
{
    const fake_env *fake = user;
    return fake->unix_ms;
}

static iscep_status count_up(void *user, uint8_t *out, size_t len, iscep_error *err)
{
    fake_env *fake = user;
    if (fake->is_random_broken)
        return iscep_error_set(err, ISCEP_NOMEM, "random", "the system gave no random bytes");
    memset(out, fake->next_random++, len);
    return ISCEP_OK;
}

static void keep_line(void *user, const char *line, size_t len)
{
    fake_env *fake = user;
    iscep_buf_append(&fake->log_text, line, len);
}

void fake_env_init(fake_env *fake)
{
    *fake = (fake_env){.mono_ms = FAKE_ENV_MONO_MS, .unix_ms = FAKE_ENV_UNIX_MS};
    iscep_buf_init(&fake->log_text, 1024 * 1024);
    fake->log = (iscep_log){.min_level = ISCEP_LOG_DEBUG, .write = keep_line, .user = fake};
    fake->env = (iscep_env){.now_mono_ms = read_mono_ms,
                            .now_unix_ms = read_unix_ms,
                            .random = count_up,
                            .user = fake,
                            .log = &fake->log};
}

void fake_env_clear(fake_env *fake)
{
    iscep_buf_clear(&fake->log_text);
}

void fake_env_advance(fake_env *fake, int64_t ms)
{
    fake->mono_ms += ms;
    fake->unix_ms += ms;
}

const char *fake_env_log(fake_env *fake)
{
    return iscep_buf_text(&fake->log_text);
}
