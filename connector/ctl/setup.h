/*
 * What the files of setup share: setup.c coordinates; setup_ask.c finds out what is to be set up, from options or on the terminal;
 * setup_write.c writes it; setup_service.c has systemd start it; setup_guide.c tells what people have to do in Entra and at
 * their SCEP server. setup_values.h, setup_draft.h and setup_files.h are what these are made of.
 */
#ifndef ISCEP_CTL_SETUP_H
#define ISCEP_CTL_SETUP_H

#include "ctl/ctl.h"
#include "ctl/setup_files.h"
#include "ctl/setup_values.h"
#include "daemon/config.h"

#define SETUP_DEFAULT_NAME "contoso"
#define SETUP_DEFAULT_USER "intune-scep"

typedef struct setup_job {
    const ctl_request *request;
    /* What is set up. */
    const char *name; /* of the tenant's section */
    char tenant_id[ISCEP_GUID_SIZE];
    char client_id[ISCEP_GUID_SIZE];
    iscep_secret *secret;
    ctl_setting settings[CTL_MAX_TEXTS]; /* --set */
    size_t setting_count;
    /* Where. */
    char config_path[PATH_MAX];
    char directory[PATH_MAX]; /* the configuration's */
    char secrets_directory[PATH_MAX];
    char secret_path[PATH_MAX];
    /* For whom. */
    const char *user; /* the connector's; NULL: whoever runs this */
    uid_t uid;
    gid_t gid;
    bool is_for_systemd; /* its unit reads this configuration, and hands the secret over */
    /* What became of it. */
    ctl_file_set files;
    iscep_config *config;
} setup_job;

/*
 * What was given is cleaned and judged, what was not is asked for. USAGE: something cannot be right, or is missing and there is no
 * terminal. CANCELLED by who was asked: *is_cancelled.
 */
iscep_status setup_ask(setup_job *setup, bool *is_cancelled, iscep_error *err) ISCEP_CHECKED;

/* Before anything is asked: paths and users. USAGE, or STORAGE with code "setup_exists" or "directory": it cannot come to anything. */
iscep_status setup_look_around(setup_job *setup, iscep_error *err) ISCEP_CHECKED;
/*
 * Writes secret and configuration, or nothing: CONFIG when the configuration would be refused, STORAGE. The one exception is STORAGE
 * "directory" when all is written, and the package's secrets directory could then not be opened to the connector's user.
 */
iscep_status setup_write(setup_job *setup, iscep_error *err) ISCEP_CHECKED;

/* Does systemd run this machine? */
bool setup_has_systemd(void);
/* Now and at each start of the machine; again, if it runs. What systemctl says goes to standard error. */
bool setup_start_service(void);

/* For people, on standard output. */
void setup_print_steps_in_entra(void);
void setup_print_ways_to_connect(const setup_job *setup);
/* [{"api","permission","kind"}] */
void setup_add_permissions(iscep_json *array);
/* How the connector is started: by systemd, or by hand. */
void setup_start_command(iscep_buf *out, const setup_job *setup);

#endif
