/* See setup.h: what is to be done in the Entra admin centre, and at the SCEP server. */
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/setup.h"

/* What the connector needs, and no more. */
static const struct {
    const char *api;
    const char *permission;
    const char *what_for;
} permissions[] = {
    {"Microsoft Graph", "Application.Read.All", "to find where the tenant's Intune is"},
    {"Intune", "scep_challenge_provider", "to have requests verified and to report certificates"},
};
enum { PERMISSION_COUNT = sizeof permissions / sizeof *permissions };

void setup_add_permissions(iscep_json *array)
{
    for (size_t i = 0; i < PERMISSION_COUNT; i++) {
        iscep_json *permission = iscep_json_append_object(array);
        iscep_json_add_text(permission, "api", permissions[i].api);
        iscep_json_add_text(permission, "permission", permissions[i].permission);
        iscep_json_add_text(permission, "kind", "application");
    }
}

void setup_print_steps_in_entra(void)
{
    puts("In the Entra admin centre, as an administrator who may grant consent:\n"
         "  1. App registrations > New registration: any name, this directory only, no redirect URI.\n"
         "  2. Overview: copy Directory (tenant) ID and Application (client) ID.\n"
         "  3. Certificates & secrets > New client secret: copy its Value, which is shown only now, not its "
         "Secret ID.\n"
         "  4. API permissions > Add a permission, both as Application permissions, not Delegated:");
    for (size_t i = 0; i < PERMISSION_COUNT; i++)
        printf("       %-16s %-24s %s\n", permissions[i].api, permissions[i].permission,
               permissions[i].what_for);
    puts("  5. API permissions > Grant admin consent.\n");
}

void setup_start_command(iscep_buf *out, const setup_job *setup)
{
    if (setup->is_for_systemd) {
        iscep_buf_append_text(out, "systemctl enable --now intune-scepd");
        return;
    }
    if (geteuid() == 0)
        iscep_buf_printf(out, "runuser -u %s -- ", setup->user);
    iscep_buf_printf(out, ISCEP_SBINDIR "/intune-scepd -c %s", setup->config_path);
}

static void print_group(const setup_job *setup)
{
    char texts[16 * 1024];
    struct group entry, *found = NULL;
    const bool is_found = getgrgid_r(setup->gid, &entry, texts, sizeof texts, &found) == 0 && found != NULL;
    if (setup->gid != 0 && is_found)
        printf("Its user must be in the connector's group: usermod -a -G %s USER\n", entry.gr_name);
}

void setup_print_ways_to_connect(const setup_job *setup)
{
    const char *socket = setup->config->socket_path != NULL ? setup->config->socket_path : CTL_DEFAULT_SOCKET;
    puts("\nConnect your SCEP server, by the first of these that it can (" ISCEP_DOCDIR "/CONNECTING.md):");
    printf("  plugin          it loads " ISCEP_PLUGINDIR "/scep_intune.so with socket=%s\n", socket);
    printf("  HTTP            curl --unix-socket %s -H 'Content-Type: application/pkcs10' \\\n"
           "                       -H 'X-Scep-Transaction-Id: ID' --data-binary @request.der "
           "http://connector/v1/validate\n",
           socket);
    puts("  step-ca         [step-ca/NAME] and a [listener/NAME] with TLS: " ISCEP_DOCDIR "/step-ca.md\n"
         "  micromdm/scep   scepserver -csrverifierexec " ISCEP_BINDIR "/intune-scep-csrverifier\n"
         "  OpenXPKI        LOCATION: " ISCEP_BINDIR "/intune-scepctl, args: openxpki TRANSACTION_ID PKCS10\n"
         "  other programs  " ISCEP_BINDIR
         "/intune-scepctl exec <request.der: exit 0, and nothing else, is a yes");
    print_group(setup);
}
