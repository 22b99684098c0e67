/*
 * See advice.h. Codes of Entra ID (AADSTS…) are explained in Microsoft's "Microsoft Entra authentication and
 * authorization error codes"; the others are the connector's own.
 */
#include "ctl/advice.h"

#include <string.h>

#define APP         "Entra admin centre (entra.microsoft.com) > App registrations > your application"
#define SECRETS     APP " > Certificates & secrets"
#define PERMISSIONS APP " > API permissions"
#define ENTERPRISE  "Entra admin centre > Enterprise applications > your application"
#define GRANT_GRAPH                                                                                          \
    PERMISSIONS " > Add a permission > Microsoft Graph > Application permissions > Application.Read.All, "   \
                "then Grant "                                                                                \
                "admin consent. It must be an application permission: a delegated one of the same name "     \
                "does not count"
#define GRANT_INTUNE                                                                                         \
    PERMISSIONS                                                                                              \
    " > Add a permission > Intune > Application permissions > scep_challenge_provider (SCEP challenge "      \
    "validation), then Grant admin consent"
#define LICENCE                                                                                              \
    "Give the tenant an Intune licence: Microsoft 365 admin centre > Billing > Licenses. A new licence may " \
    "take hours "                                                                                            \
    "to arrive. With a licence, look whether tenant_id names the tenant that has it: Entra admin centre > "  \
    "Overview > "                                                                                            \
    "Tenant ID"
#define CLOUD                                                                                                \
    "Set cloud to the one that the tenant lives in (" ISCEP_DOCDIR                                           \
    "/CONFIGURATION.md), and remove authority, graph, "                                                      \
    "graph_resource, intune_resource and allowed_hosts, which override it. portal.azure.com is the public "  \
    "cloud, portal.azure.us the US government's, portal.azure.cn China's"
#define FEDERATION                                                                                           \
    SECRETS " > Federated credentials: issuer, subject and audience there must equal those of the token, "   \
            "letter by letter"
/* Where setup wrote it, and what a connector that systemd has handed it to makes of a new one. */
#define RENEW_SECRET                                                                                         \
    "write its value into the file that client_secret_file names "                                           \
    "(credential:secrets_client-secret is /etc/intune-scep/secrets/client-secret), then systemctl restart "  \
    "intune-scepd; only where the configuration names a path, not credential:, is no restart needed"
#define LATER "Run doctor again in a few minutes. If it stays, look at status.cloud.microsoft"

static const ctl_advice table[] = {
    /* --- the configuration --- */
    {"configuration", "config_file", "the configuration file cannot be opened",
     "Name the file with -c, and run doctor as root"},
    {"configuration", "config_syntax", "the configuration file is no INI file",
     "Mend the line that is named"},
    {"configuration", "config_key", "the configuration has a key that nobody knows",
     "Look for a typing error: " ISCEP_DOCDIR "/CONFIGURATION.md lists every key of every section"},
    {"configuration", "config_section", "the configuration has a section too many, or one is missing",
     "There is one [tenant/NAME] at least, and " ISCEP_DOCDIR
     "/CONFIGURATION.md lists the others; every key stands "
     "below "
     "its section"},
    {"configuration", "listener", "somebody could come in at a listener who should not, or nobody can",
     "The message says what to write; " ISCEP_DOCDIR "/CONFIGURATION.md, [listener/NAME], says why"},
    {"configuration", "step_ca", "a webhook of step-ca could be somebody else's, or anybody's tenant's",
     "The message says what to write; " ISCEP_DOCDIR "/step-ca.md shows both sides"},
    {"configuration", "secret_unreadable", "the client secret's file cannot be read",
     "Run doctor as root: what the configuration calls credential: is a file of root's, "
     "/etc/intune-scep/secrets/client-secret as setup wrote it, with chmod 0600. If the file is not there, "
     "write the secret's value into it. One that is named by its path must be the connector's user's"},
    {"configuration", "secret_empty", "the client secret's file is empty",
     "Write the secret's value into it. The value is shown once only, when it is made: if it is lost, make a "
     "new one "
     "under " SECRETS " > New client secret"},
    {"configuration", "tenant_id", "tenant_id is missing or cannot be one",
     "Copy it from Entra admin centre > Overview > Tenant ID"},
    {"configuration", "client_id", "client_id is missing",
     "Copy it from " APP " > Overview > Application (client) ID"},
    {"configuration", "client_secret_file", "there is no credential",
     "Make a secret under " SECRETS
     ", write its value (not its id) into a file and name that as client_secret_file"},
    {"configuration", "authority", "authority is no https address",
     "Write https:// in front; nothing else is spoken"},
    {"configuration", "graph", "graph is no https address",
     "Write https:// in front; nothing else is spoken"},
    {"configuration", "cloud_mixed", "the addresses belong to different clouds of Microsoft", CLOUD},
    {"configuration", NULL, "the configuration is not usable",
     "Mend what is named (" ISCEP_DOCDIR "/CONFIGURATION.md)"},

    {"credential", "secret_exposed", "everybody on this machine can read a secret or a key",
     "chmod 0600 the file. It is root's where the configuration says credential:, and the connector's "
     "user's where it names a path. Who had an account here may know it: consider a new one under " SECRETS},
    {"credential", "secret_suspect", "the client secret looks like a secret's id, not like its value",
     "Under " SECRETS
     " there are two columns: the connector needs Value, not Secret ID. A value that can no longer be "
     "shown must be replaced by a new secret"},

    {"credential", "credential_expired", "a certificate has expired",
     "Make a new key and certificate, upload the certificate under " SECRETS
     " > Certificates, then replace the files (" ISCEP_DOCDIR "/CREDENTIALS.md)"},
    {"credential", "credential_expiring", "a certificate expires within thirty days",
     "Make a new key and certificate now, upload the certificate under " SECRETS
     " > Certificates, and configure it as the second credential (" ISCEP_DOCDIR "/CREDENTIALS.md)"},
    {"credential", NULL, "a credential cannot be used",
     "Mend what is named (" ISCEP_DOCDIR "/CREDENTIALS.md), and run doctor as root"},

    /* --- the database that nodes share --- */
    {"database", "journal_away", "the database cannot be reached",
     "Look whether it runs, at host and port in [journal] database, and at firewalls on the way. Until it is "
     "back the "
     "connector writes its spool, and enrolment goes on"},
    {"database", "database_tls", "the way to the database cannot be trusted, and so is not used",
     "sslrootcert names the file with the CA that signed the database's certificate, host the name that is "
     "in the certificate: mend what the message names, and leave sslmode=verify-full. Until then the "
     "connector writes its spool, and enrolment goes on"},
    {"database", "database_password", "the database does not accept the password",
     "Write the role's password into database_password_file: it is read at each connecting, without a "
     "restart or a reload. A connector that runs writes its spool until then; one that is started does not "
     "start"},
    {"database", "database_tables", "the connector cannot make the tables that it needs",
     "Have the database's administrator run what intune-scepctl database schema prints, with the version "
     "that is there behind it if there is one"},
    {"database", "journal_denied", "the database does not let the connector in, or not do its work",
     "The message says what it misses. For who looks after the database: intune-scepctl database schema "
     "prints the "
     "tables, the roles and what each may do"},
    {"database", "journal_newer", "a newer version of the connector has changed the tables",
     "Install that version here, too"},
    {"database", "database_read_only", "the database is a standby",
     "Name the primary, or several hosts and target_session_attrs=read-write, in [journal] database"},
    {"database", "database_superuser",
     "the connector may do everything in the database, and needs very little",
     "Give it a role of its own: intune-scepctl database schema prints how"},
    {"database", "database_schema", "the tables are older than this program",
     "Nothing, if the connector's role may make tables; otherwise the database's administrator applies what "
     "intune-scepctl database schema prints"},
    {"database", "database_plain", "whoever is on the way to the database can read along",
     "Write sslmode=verify-full and sslrootcert=FILE into [journal] database, and database_tls = verified"},
    {"database", "database_clock", "this machine's clock and the database's differ",
     "Let both be set, for instance by chrony"},
    {"database", "database_slow", "the database is far away, or busy",
     "Put it near the connectors: each report waits for a handful of its answers"},
    {"database", NULL, "the database cannot be used",
     "Mend what is named (" ISCEP_DOCDIR "/CONFIGURATION.md, [journal])"},

    /* --- the way out --- */
    {NULL, "dns", "a name cannot be resolved",
     "Look at /etc/resolv.conf, or try getent hosts NAME. A name that does not exist anywhere is a typing "
     "error in the "
     "configuration. Where only a proxy reaches the internet, set proxy"},
    {NULL, "proxy_dns", "the proxy's name cannot be resolved", "Look for a typing error in proxy"},
    {NULL, "connect", "nobody answers at the address",
     "A firewall, or no route: TCP port 443 must be open to the hosts that are named here. Where only a "
     "proxy reaches "
     "the internet, set proxy"},
    {NULL, "proxy_connect", "the proxy does not answer",
     "Look at host and port in proxy, and whether it is running"},
    {NULL, "timeout", "there was no answer in time",
     "A firewall that drops packets looks like this: TCP port 443 must be open to the hosts that are named "
     "here"},
    {NULL, "proxy_auth", "the proxy wants a user and a password (HTTP 407)",
     "Ask the proxy's administrator how this machine is to prove itself"},
    {NULL, "proxy_refused", "the proxy refuses to connect us",
     "The proxy's administrator must allow CONNECT to port 443 of Entra ID, Microsoft Graph and "
     "*.manage.microsoft.com"},
    {"proxy", NULL, "the proxy hung up", "Is it an HTTP proxy, and is the address right?"},
    {NULL, "tls_untrusted", "nobody we trust has signed the server's certificate",
     "The issuer that is named tells who answers. If it is your company's: a TLS-inspecting proxy is in the "
     "way; exempt "
     "Microsoft's hosts from inspection, or put its CA into ca_file. If ca_file is set, it must also hold "
     "the CAs of "
     "Microsoft's hosts. If you do not know the issuer, somebody is reading along"},
    {NULL, "tls_expired", "the server's certificate has expired",
     "Look at this machine's clock first. If it is right, the server is not Microsoft's: whose is it?"},
    {NULL, "tls_not_yet_valid", "the server's certificate is not valid yet",
     "This machine's clock is slow: set it, for instance with chrony"},
    {NULL, "tls_name", "the server's certificate is for another host",
     "Somebody else answers at this address: a captive portal, a proxy, or a wrong entry in DNS or "
     "/etc/hosts"},
    {NULL, "tls_inspected", "the certificate is not from a CA that Microsoft uses",
     "A TLS-inspecting proxy that this machine trusts is in the way, and reads tokens and secret. Exempt "
     "Microsoft's "
     "hosts from inspection"},
    {NULL, "tls", "there is no TLS at the address",
     "Is the port right? Something that speaks plain HTTP, or a firewall, answers there"},
    {NULL, "ca_file", "the file that ca_file names cannot be used", "It must hold certificates in PEM"},
    {NULL, "cut", "the connection was cut",
     "A firewall or proxy that looks into connections does this. " LATER},

    {NULL, "clock_wrong", "this machine's clock is wrong",
     "Set it, for instance with chrony: Entra ID refuses client assertions of another time, and certificates "
     "seem "
     "expired or not yet valid"},
    {NULL, "clock_off", "this machine's clock is not exact", "Let it be set, for instance by chrony"},
    {NULL, "clock_unknown", "the clock could not be compared",
     "The reply had no Date: a proxy took it away?"},

    /* --- Entra ID, by number --- */
    {NULL, "AADSTS7000215", "the client secret is wrong",
     "Most often the secret's id was copied instead of its value: " SECRETS
     " shows both. Or the secret belongs to "
     "another application. A value that can no longer be shown must be replaced by a new secret. With the "
     "right one: " RENEW_SECRET},
    {NULL, "AADSTS7000222", "the client secret has expired",
     "Make a new one: " SECRETS " > New client secret; " RENEW_SECRET
     ". Put the new date of expiry into a calendar"},
    {NULL, "AADSTS700016", "the tenant does not know the application",
     "client_id must be the application (client) id, not the object id: " APP
     " > Overview. If it is right, the "
     "application is registered in another tenant than tenant_id names"},
    {NULL, "AADSTS7000229", "the application has no service principal in the tenant",
     ENTERPRISE " must exist: grant admin consent under " PERMISSIONS ", which makes it"},
    {NULL, "AADSTS90002", "there is no such tenant (in this cloud)",
     "tenant_id is wrong: copy it from Entra admin centre > Overview > Tenant ID. If it is right, the tenant "
     "lives in "
     "another cloud. " CLOUD},
    {NULL, "AADSTS900021", "the tenant id is empty or all zeros",
     "Copy tenant_id from Entra admin centre > Overview > Tenant ID"},
    {NULL, "AADSTS900023", "the tenant id is neither a GUID nor a domain of a tenant",
     "Copy tenant_id from Entra admin centre > Overview > Tenant ID"},
    {NULL, "AADSTS50034", "the identity does not exist in this tenant",
     "tenant_id names another tenant than the application's: compare it with " APP
     " > Overview > Directory (tenant) "
     "ID"},
    {NULL, "AADSTS900382", "the application belongs to another cloud of Microsoft", CLOUD},
    {NULL, "AADSTS900432", "the application belongs to another cloud of Microsoft", CLOUD},
    {NULL, "AADSTS90038", "the tenant lives in another cloud of Microsoft", CLOUD},
    {NULL, "AADSTS90051", "the name of the cloud is wrong", CLOUD},
    {NULL, "AADSTS7000112", "the application is disabled",
     ENTERPRISE " > Properties > Enabled for users to sign-in: Yes. Find out first who disabled it, and why"},
    {NULL, "AADSTS7000218", "Entra ID got no credential", "Configure client_secret_file or credentials"},
    {NULL, "AADSTS7000216", "the application must prove itself with a certificate",
     "The tenant's policy forbids secrets: upload a certificate under " SECRETS " > Certificates"},
    {NULL, "AADSTS700027", "Entra ID does not know the certificate, or the signature is not by its key",
     "Upload the certificate that is configured under " SECRETS " > Certificates, and compare thumbprints"},
    {NULL, "AADSTS700024", "the client assertion is not of this time",
     "Set this machine's clock: an assertion lives for minutes"},
    {NULL, "AADSTS700021", "the assertion is for another application",
     "Its issuer and subject must be client_id"},
    {NULL, "AADSTS700023", "the assertion is for another tenant or cloud",
     "Its audience must be the token address: look at authority and tenant_id"},
    {NULL, "AADSTS700030", "the certificate's subject is not allowed for this application",
     "Use the certificate that is uploaded under " SECRETS " > Certificates"},
    {NULL, "AADSTS70021", "no federated credential of the application fits the token", FEDERATION},
    {NULL, "AADSTS700211", "no federated credential has the token's issuer", FEDERATION},
    {NULL, "AADSTS700212", "no federated credential has the token's audience", FEDERATION},
    {NULL, "AADSTS700213", "no federated credential has the token's subject", FEDERATION},
    {NULL, "AADSTS50013", "the assertion's signature or form is wrong",
     "Compare the certificate that is configured with the one under " SECRETS " > Certificates"},
    {NULL, "AADSTS50027", "the assertion is no valid JSON Web Token",
     "Look at the file that the token is read from"},
    {NULL, "AADSTS65001", "nobody has given admin consent",
     PERMISSIONS
     " > Grant admin consent. A Privileged Role Administrator, or Global Administrator, must do it"},
    {NULL, "AADSTS650051", "the application's service principal is broken or half made",
     "Grant admin consent again under " PERMISSIONS},
    {NULL, "AADSTS650052", "the tenant has not subscribed to the service: no licence", LICENCE},
    {NULL, "AADSTS501051", "the application has no role for the service",
     "Grant admin consent under " PERMISSIONS ": without it the role is wished for, not given"},
    {NULL, "AADSTS53003", "a Conditional Access policy blocks the application",
     "Entra admin centre > Conditional Access > Policies: one for workload identities forbids this address "
     "or risk. "
     "Sign-in logs > Service principal sign-ins shows which; allow this machine's public address"},
    {NULL, "AADSTS530034", "a Conditional Access or security default blocks the application",
     "Sign-in logs > Service principal sign-ins in the Entra admin centre shows which policy"},
    {NULL, "AADSTS50196", "Entra ID saw too many identical requests",
     "Look for a second, misconfigured connector"},
    {NULL, "AADSTS70011", "the resource that a token is asked for is written wrongly",
     "Look at graph_resource and intune_resource; intune_resource ends in a slash"},
    {NULL, "AADSTS1002012", "the resource that a token is asked for is written wrongly",
     "Look at graph_resource and intune_resource; intune_resource ends in a slash"},
    {"graph_token", "AADSTS500011", "this cloud does not know the Microsoft Graph that is configured",
     "graph_resource belongs to another cloud. " CLOUD},
    {"intune_token", "AADSTS500011",
     "the tenant does not know the Intune API: no licence, or another cloud's Intune",
     LICENCE ". If it is licensed, intune_resource belongs to another cloud. " CLOUD},
    {"intune_token", "AADSTS500014",
     "Intune is disabled in this tenant: the licence has lapsed, or was taken away", LICENCE},
    {NULL, "AADSTS500014", "the service is disabled in this tenant",
     "Entra admin centre > Enterprise applications > Microsoft Applications: enable sign-in for the service"},
    {NULL, "AADSTS50001", "the tenant does not know the service: no licence, or another cloud's", LICENCE},
    {NULL, "AADSTS90033", "Entra ID has trouble of its own", LATER},
    {"graph_token", "json_malformed", "what answered is not Entra ID",
     "A captive portal, a proxy's page, or a wrong authority"},
    {"graph_token", NULL, "Entra ID gave no token",
     "Look the code up at login.microsoftonline.com/error, and at Sign-in logs > Service principal sign-ins "
     "in the "
     "Entra admin centre"},
    {"intune_token", NULL, "Entra ID gave no token for Intune",
     "Look the code up at login.microsoftonline.com/error, and at Sign-in logs > Service principal sign-ins "
     "in the "
     "Entra admin centre"},

    /* --- roles, discovery, Intune --- */
    {"graph_roles", "role_missing", "the application may not read Microsoft Graph: consent is missing",
     GRANT_GRAPH},
    {"intune_roles", "role_missing", "the application may not validate SCEP challenges: consent is missing",
     GRANT_INTUNE},
    {NULL, "token_opaque", "the token does not show its roles",
     "Nothing to do: the next steps find out whether the permissions are there"},
    {"discovery", "graph_refused", "Microsoft Graph refuses the application: consent is missing",
     GRANT_GRAPH},
    {"discovery", "service_not_discovered", "the tenant has no Intune: no licence, or it is another tenant",
     LICENCE},
    {"discovery", "url_not_allowed", "Graph names an address where tokens must not go",
     "If Intune has moved to a new name of Microsoft's, or the tenant lives in another cloud, add that to "
     "allowed_hosts. Any other host there is a reason for alarm"},
    {"discovery", "json_malformed", "what answered is not Microsoft Graph",
     "A proxy's page, or a wrong graph"},
    {"discovery", NULL, "Microsoft Graph did not say where Intune is", LATER},
    {"validation", "intune_refused_us", "Intune refuses the application: consent or licence is missing",
     GRANT_INTUNE
     ". If the role is shown as granted, wait a few minutes, and look whether the tenant has an Intune "
     "licence"},
    {"validation", "allowed", "a forged challenge was allowed: this is not Intune",
     "Do not use it. Find out who answers at the address that discovery named"},
    {"validation", "unexpected_refusal", "Intune refused, but not because of the challenge",
     "The chain works. intune-scepctl codes explains the code"},
    {"validation", NULL, "Intune did not answer as it should", LATER},
    {"revocation", "service_not_discovered", "Graph names no revocation service of Intune for this tenant",
     "Certificates are issued all the same, but nobody hears what Intune wants revoked. poll = no in "
     "[revocation] if it "
     "is not wanted here; otherwise ask Microsoft support"},
    {"revocation", NULL, "the revocation service cannot be reached", LATER},
    {NULL, "throttled", "Microsoft asks us to slow down", "Run doctor again in a few minutes"},

    {NULL, NULL, "the step failed", "Nothing is known about this code: the detail is all there is"},
};
enum { ENTRY_COUNT = sizeof table / sizeof *table };

/* NULL matches only NULL: the less special entries are asked for as such. */
static int is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const ctl_advice *find(const char *step, const char *code)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (is_same(table[i].step, step) && is_same(table[i].code, code))
            return &table[i];
    return NULL;
}

const ctl_advice *ctl_advice_find(const char *step, const char *code)
{
    const ctl_advice *found = find(step, code);
    if (found == NULL)
        found = find(NULL, code);
    if (found == NULL)
        found = find(step, NULL);
    return found != NULL ? found : &table[ENTRY_COUNT - 1];
}

const ctl_advice *ctl_advice_at(size_t index)
{
    return index < ENTRY_COUNT ? &table[index] : NULL;
}
