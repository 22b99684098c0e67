/*
 * The sections [listener/NAME]: what their keys mean; and that no configuration by which somebody could come who should not
 * is taken.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define TENANT   CONFIG_CASE_TENANT("contoso") /* lines 1 to 4 */
#define LISTENER TENANT "[listener/l]\n"       /* its first key is line 6 */
#define TLS      "certificate = ~/server.pem\nkey = ~/server.key\n"
#define HOOK                                                                                                 \
    "[step-ca/s]\nchallenge_id = c\nchallenge_secret_file = ~/hook\nnotify_id = n\n"                         \
    "notify_secret_file = ~/hook\n"

static void set_up(void)
{
    config_case_set_up();
    config_case_make_keys();
}

TestSuite(config_listener, .init = set_up, .fini = config_case_tear_down);

/* --- what there is --- */

Test(config_listener, without_a_section_there_is_the_default)
{
    const iscep_config *config = config_case_good(TENANT);
    const iscep_listener_options *listener = &config->listeners[0];
    cr_assert_eq(config->listener_count, 1);
    cr_assert_str_eq(listener->name, "default");
    cr_assert_str_eq(listener->at.unix_path, "/run/intune-scep/connector.sock");
    cr_assert_eq(listener->at.unix_mode, 0660);
    cr_assert_eq(listener->at.unix_uid, (uid_t)-1);
    cr_assert_eq(listener->at.fd, -1);
    cr_assert_null(listener->systemd_name);
    cr_assert_null(listener->tenant);
    cr_assert_eq(listener->serves, 31);
    cr_assert_str_eq(config->socket_path, "/run/intune-scep/connector.sock");
}

Test(config_listener, a_section_takes_the_place_of_the_default)
{
    const iscep_config *config =
        config_case_good(LISTENER "address = unix:/x/api.sock\nserves = api\n"
                                  "[listener/m]\naddress = unix:/x/admin.sock\nserves = admin, status\n");
    cr_assert_eq(config->listener_count, 2);
    cr_assert_str_eq(config->listeners[0].name, "l");
    cr_assert_eq(config->listeners[0].serves, ISCEP_SERVES_API);
    cr_assert_str_eq(config->listeners[1].name, "m");
    cr_assert_eq(config->listeners[1].serves, ISCEP_SERVES_ADMIN | ISCEP_SERVES_STATUS);
    cr_assert_str_eq(config->socket_path, "/x/admin.sock", "the one that serves admin");
}

Test(config_listener, the_default_is_there_besides_where_listen_says_so)
{
    const iscep_config *config =
        config_case_good("[connector]\nlisten = unix:/x/d.sock\nsocket_mode = 0600\n" LISTENER
                         "address = tcp:127.0.0.1:9101\nserves = metrics\n");
    cr_assert_eq(config->listener_count, 2);
    cr_assert_str_eq(config->listeners[0].name, "default");
    cr_assert_str_eq(config->listeners[0].at.unix_path, "/x/d.sock");
    cr_assert_eq(config->listeners[0].at.unix_mode, 0600);
    cr_assert_str_eq(config->socket_path, "/x/d.sock");
}

Test(config_listener, who_adds_one_cannot_lose_the_way_in_unnoticed)
{
    config_case_refused(LISTENER "address = tcp:127.0.0.1:9101\nserves = metrics\n",
                        ":7: [listener/l]: no listener serves api or step-ca");
    config_case_refused("[connector]\nsocket_mode = 0600\n" LISTENER "address = unix:/x\nserves = api\n",
                        ":2: [connector]: socket_mode is of the socket that listen names");
}

Test(config_listener, every_key_is_read)
{
    const iscep_config *config = config_case_good(
        LISTENER "address = tcp:[2001:db8::7]:8443\nserves = status metrics api\ntenant = contoso\n" TLS
                 "client_ca = ~/ca.pem\nclient_certificates = optional\nclient_names = a.example, B\n"
                 "tokens = ~/token ~/token2\nallow_plain_tcp_beyond_loopback = yes\nallow_anonymous = yes\n"
                 "[listener/u]\naddress = unix:/x/u.sock\nowner = root:0\nmode = 0666\npeer_uids = root 33\n"
                 "serves = admin\n");
    const iscep_listener_options *tcp = &config->listeners[0], *local = &config->listeners[1];
    cr_assert_str_eq(tcp->at.host, "2001:db8::7");
    cr_assert_eq(tcp->at.port, 8443);
    cr_assert_null(tcp->at.unix_path);
    cr_assert_eq(tcp->serves, ISCEP_SERVES_API | ISCEP_SERVES_METRICS | ISCEP_SERVES_STATUS);
    cr_assert_str_eq(tcp->tenant, "contoso");
    cr_assert_str_eq(tcp->certificate_file, config_case_path("server.pem"));
    cr_assert_str_eq(tcp->key_file, config_case_path("server.key"));
    cr_assert_str_eq(tcp->client_ca_file, config_case_path("ca.pem"));
    cr_assert_not(tcp->is_client_certificate_required);
    cr_assert_eq(tcp->client_names.count, 2);
    cr_assert_str_eq(tcp->client_names.words[0], "a.example");
    cr_assert_str_eq(tcp->client_names.words[1], "B");
    cr_assert_eq(tcp->token_files.count, 2);
    cr_assert_str_eq(tcp->token_files.words[1], config_case_path("token2"));
    cr_assert(tcp->is_plain_allowed);
    cr_assert(tcp->is_open);
    cr_assert_eq(local->at.unix_uid, 0);
    cr_assert_eq(local->at.unix_gid, 0);
    cr_assert_eq(local->at.unix_mode, 0666);
    cr_assert_eq(local->peer_uids.count, 2);
    cr_assert_eq(local->peer_uids.ids[1], 33);
}

Test(config_listener, a_certificate_is_required_unless_it_says_optional)
{
    const iscep_config *config = config_case_good(LISTENER "address = tcp:0.0.0.0:8443\nserves = api\n" TLS
                                                           "client_ca = ~/ca.pem\nclient_names = any\n");
    cr_assert(config->listeners[0].is_client_certificate_required);
    cr_assert_eq(config->listeners[0].client_names.count, 1);
    cr_assert_str_eq(config->listeners[0].client_names.words[0], "any");
    cr_assert_not(config->listeners[0].is_open);
    cr_assert_not(config->listeners[0].is_plain_allowed);
    cr_assert_null(config->socket_path, "there is none");
}

/* --- texts --- */

Test(config_listener, bad_values_are_refused_with_their_line)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"address = /run/x.sock", ":6: address: must be unix:PATH, tcp:HOST:PORT or systemd:NAME"},
        {"address = unix:x.sock", ":6: address: must be unix: and an absolute path"},
        {"address = tcp:8443", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp::8443", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:*:8443", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:localhost", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:localhost:", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:localhost:65536", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:localhost:-1", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:::1:8443", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:[::1]8443", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:[::1", ":6: address: must be tcp:HOST:PORT"},
        {"address = tcp:[127.0.0.1]:1", ":6: address: must be tcp:HOST:PORT"},
        {"address = systemd:", ":6: address: must be systemd: and the FileDescriptorName="},
        {"address = systemd:a b", ":6: address: must be systemd: and the FileDescriptorName="},
        {"serves = api everything", ":6: serves: must be api, step-ca, admin, metrics or status"},
        {"serves = ", ":6: serves: must not be empty"},
        {"owner = nobody-of-this-name", ":6: owner: must be USER, USER:GROUP or :GROUP"},
        {"owner = root:nobody-of-this-name", ":6: owner: must be USER, USER:GROUP or :GROUP"},
        {"mode = 0999", ":6: mode: must be an octal"},
        {"peer_uids = nobody-of-this-name", ":6: peer_uids: must name users"},
        {"client_certificates = yes", ":6: client_certificates: must be optional or required"},
        {"client_names = *.example", ":6: client_names: must hold whole names"},
        {"client_names = a any", ":6: client_names: must hold names"},
        {"client_names = any any", ":6: client_names: must hold names"},
        {"tokens = ~/none", ":6: tokens: cannot open"},
        {"tokens = ~/token ~/secret", ":6: tokens: names a file whose token is shorter than 16"},
        {"allow_anonymous = true", ":6: allow_anonymous: must be no or yes"},
        {"port = 1", ":6: unknown key \"port\" in [listener/l]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, LISTENER "%s\n", cases[i].line);
        config_case_refused(text, cases[i].want);
    }
    config_case_refused(TENANT "[listener/a b]\naddress = unix:/x\n", "[listener/a b]: a name is 1 to 63");
}

Test(config_listener, a_token_is_one_that_can_be_sent_and_not_be_guessed)
{
    static const struct {
        const char *token;
        bool is_good;
    } cases[] = {{"0123456789abcdef", true},         {"0123456789abcde", false},
                 {"0123456789 abcdef", false},       {"0123456789abcdef\n0123456789abcdef", false},
                 {"0123456789abcdef\t", false},      {"0123456789abcdef\n\n", false},
                 {"0123456789abcde\xC3\xA9", false}, {"~!#$%&'*+-.^_`|:/=", true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = LISTENER "address = tcp:127.0.0.1:1\nserves = api\ntokens = ~/own\n";
        config_case_write("own", cases[i].token);
        if (cases[i].is_good)
            config_case_good(text);
        else
            config_case_refused(text, ":8: tokens: names a file whose token");
    }
}

/* --- who could come --- */

Test(config_listener, doors_that_stand_open_are_refused)
{
    static const struct {
        const char *lines, *want;
    } cases[] = {
        /* TLS */
        {"address = tcp:0.0.0.0:1\nserves = metrics\ntokens = ~/token\n", ":6: [listener/l]: without TLS"},
        {"address = tcp:[::]:1\nserves = metrics\ntokens = ~/token\n", ":6: [listener/l]: without TLS"},
        {"address = tcp:ra.example:1\nserves = metrics\ntokens = ~/token\n", ":6: [listener/l]: without TLS"},
        {"address = tcp:localhost.example:1\nserves = metrics\ntokens = ~/token\n", "without TLS"},
        {"address = tcp:127.1:1\nserves = metrics\ntokens = ~/token\n", "without TLS"},
        {"address = tcp:128.0.0.1:1\nserves = metrics\ntokens = ~/token\n", "without TLS"},
        {"address = tcp:[::ffff:127.0.0.1]:1\nserves = metrics\ntokens = ~/token\n", "without TLS"},
        /* who says who he is */
        {"address = tcp:127.0.0.1:1\nserves = api\n", ":7: [listener/l]: over TCP api and admin"},
        {"address = tcp:127.0.0.1:1\nserves = api\nallow_anonymous = yes\n", "over TCP api and admin"},
        {"address = tcp:localhost:1\nserves = admin\n", ":7: [listener/l]: over TCP api and admin"},
        {"address = tcp:0.0.0.0:1\nserves = status admin\n" TLS "allow_anonymous = yes\n",
         "over TCP api and"},
        {"address = tcp:0.0.0.0:1\nserves = metrics\n" TLS, ":7: [listener/l]: metrics and status"},
        {"address = tcp:0.0.0.0:1\nserves = status\nallow_plain_tcp_beyond_loopback = yes\n",
         ":7: [listener/l]: metrics and status"},
        /* certificates */
        {"address = tcp:0.0.0.0:1\nserves = api\n" TLS "client_ca = ~/ca.pem\n",
         ":10: [listener/l]: client_ca alone would let in every"},
        {"address = tcp:0.0.0.0:1\nserves = api\n" TLS "client_ca = ~/ca.pem\ntokens = ~/token\n",
         "client_ca alone"},
        {"address = tcp:0.0.0.0:1\nserves = api\n" TLS "client_names = a\ntokens = ~/token\n",
         ":10: [listener/l]: client_names and client_certificates need client_ca"},
        {"address = tcp:0.0.0.0:1\nserves = api\n" TLS "client_certificates = required\ntokens = ~/token\n",
         "need client_ca"},
        {"address = tcp:0.0.0.0:1\nserves = api\n" TLS
         "client_ca = ~/ca.pem\nclient_names = a\nclient_certificates = optional\n",
         ":12: [listener/l]: client_certificates = optional means"},
        {"address = tcp:127.0.0.1:1\nserves = api\nclient_ca = ~/ca.pem\nclient_names = a\n",
         ":8: [listener/l]: client_ca needs TLS"},
        {"address = tcp:127.0.0.1:1\nserves = metrics\ncertificate = ~/server.pem\n",
         ":8: [listener/l]: certificate and key belong together"},
        {"address = tcp:127.0.0.1:1\nserves = metrics\nkey = ~/server.key\n", "belong together"},
        /* step-ca */
        {"address = tcp:0.0.0.0:1\nserves = step-ca\nallow_plain_tcp_beyond_loopback = yes\n" HOOK,
         ":7: [listener/l]: step-ca sends challenges"},
        {"address = tcp:127.0.0.1:1\nserves = step-ca\ntokens = ~/token\n" HOOK,
         ":8: [listener/l]: step-ca is not asked for tokens"},
        {"address = tcp:127.0.0.1:1\nserves = step-ca\n",
         ":7: [listener/l]: serves = step-ca needs a section"},
        /* keys of another kind of listener */
        {"address = tcp:127.0.0.1:1\nserves = metrics\nmode = 0600\n", ":6: [listener/l]: mode, owner and"},
        {"address = tcp:127.0.0.1:1\nserves = metrics\npeer_uids = 0\n", "mode, owner and peer_uids are of"},
        {"address = systemd:a\nserves = api\nowner = root\n", ":6: [listener/l]: systemd makes this socket"},
        {"address = unix:/x\nserves = api\ntokens = ~/token\n", ":6: [listener/l]: certificates, tokens and"},
        {"address = unix:/x\nserves = metrics\nallow_anonymous = yes\n", "certificates, tokens and allow_"},
        {"address = unix:/x\nserves = api\n" TLS, "certificates, tokens and allow_"},
        /* what is missing */
        {"serves = api\n", ":6: [listener/l]: address is missing"},
        {"address = unix:/x\n", ":6: [listener/l]: serves is missing"},
        {"address = unix:/x\nserves = api\ntenant = fabrikam\n",
         ":8: [listener/l]: there is no [tenant/NAME]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, LISTENER "%s", cases[i].lines);
        config_case_refused(text, cases[i].want);
    }
}

Test(config_listener, doors_with_a_lock_are_taken)
{
    static const char *const cases[] = {
        "address = tcp:127.0.0.1:1\nserves = api admin metrics status\ntokens = ~/token\n",
        "address = tcp:127.255.255.254:1\nserves = api\ntokens = ~/token\n",
        "address = tcp:[::1]:1\nserves = api\ntokens = ~/token\n",
        "address = tcp:localhost:0\nserves = api\ntokens = ~/token\n",
        "address = tcp:0.0.0.0:1\nserves = api\ntokens = ~/token\n" TLS,
        "address = tcp:0.0.0.0:1\nserves = api\ntokens = ~/token\nallow_plain_tcp_beyond_loopback = yes\n",
        "address = tcp:0.0.0.0:1\nserves = api\nclient_ca = ~/ca.pem\nclient_names = a\n" TLS,
        "address = tcp:0.0.0.0:1\nserves = api\nclient_ca = ~/ca.pem\nclient_names = a\ntokens = ~/token\n"
        "client_certificates = optional\n" TLS,
        "address = tcp:0.0.0.0:1\nserves = api step-ca\ntokens = ~/token\n" TLS HOOK,
        "address = tcp:0.0.0.0:1\nserves = step-ca\n" TLS HOOK,
        "address = tcp:127.0.0.1:1\nserves = step-ca\n" HOOK,
        "address = unix:/x\nserves = api step-ca\n" HOOK,
        "address = systemd:api.socket\nserves = api admin\n",
        "address = unix:/x\nserves = api\n[listener/m]\naddress = tcp:127.0.0.1:1\nserves = metrics status\n",
        "address = unix:/x\nserves = api\n[listener/m]\naddress = tcp:0.0.0.0:1\nserves = metrics\n"
        "allow_anonymous = yes\n" TLS,
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, LISTENER "%s", cases[i]);
        config_case_good(text);
    }
}

Test(config_listener, certificates_are_looked_at_before_the_first_caller_comes)
{
    config_case_refused(LISTENER "address = tcp:0.0.0.0:1\nserves = api\ntokens = ~/token\n"
                                 "certificate = ~/server.pem\nkey = ~/other.key\n",
                        ":9: [listener/l]: ");
    config_case_refused(LISTENER "address = tcp:0.0.0.0:1\nserves = api\ntokens = ~/token\n"
                                 "certificate = ~/none\nkey = ~/server.key\n",
                        ":9: [listener/l]: ");
    config_case_refused(LISTENER "address = tcp:0.0.0.0:1\nserves = api\n" TLS
                                 "client_ca = ~/secret\nclient_names = a\n",
                        ":8: [listener/l]: ");
}

Test(config_listener, no_two_have_one_address_or_name)
{
    config_case_refused(LISTENER "address = unix:/x\nserves = api\n"
                                 "[listener/m]\naddress = unix:/x\nserves = admin\n",
                        ":9: [listener/m]: another listener has this address");
    config_case_refused(LISTENER "address = unix:/x\nserves = api\n"
                                 "[listener/m]\naddress = tcp:127.0.0.1:1\nserves = status\n"
                                 "[listener/n]\naddress = tcp:127.0.0.1:1\nserves = metrics\n",
                        ":12: [listener/n]: another listener has this address");
    config_case_refused("[connector]\nlisten = systemd:a\n" LISTENER "address = systemd:a\nserves = api\n",
                        ":8: [listener/l]: another listener has this address");
    config_case_refused("[connector]\nlisten = unix:/x\n" TENANT
                        "[listener/default]\naddress = unix:/y\nserves = api\n",
                        ":8: [listener/default]: listen of [connector] makes a listener of this name");
    config_case_good(LISTENER "address = tcp:127.0.0.1:0\nserves = api\ntokens = ~/token\n"
                              "[listener/m]\naddress = tcp:127.0.0.1:0\nserves = status\n");
}

Test(config_listener, there_can_be_fifteen)
{
    char text[4096] = TENANT;
    for (int i = 1; i <= 16; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "[listener/%d]\naddress = unix:/%d\nserves = api\n", i, i);
    config_case_refused(text, "there can be 15 listeners, not more");
    *strstr(text, "[listener/16]") = '\0';
    cr_assert_eq(config_case_good(text)->listener_count, 15);
}

/* --- sockets of systemd's --- */

static iscep_status inherit(const char *lines, int family, const char *host, iscep_error *err)
{
    char text[1024];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct sockaddr_un local = {.sun_family = AF_UNIX};
    snprintf(text, sizeof text, LISTENER "address = systemd:s\n%s", lines);
    const iscep_config *config = config_case_good(text);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (family == AF_INET) {
        cr_assert_eq(inet_pton(AF_INET, host, &v4.sin_addr), 1);
        cr_assert_eq(bind(fd, (const struct sockaddr *)&v4, sizeof v4), 0);
    } else
        cr_assert_eq(bind(fd, (const struct sockaddr *)&local, sizeof local.sun_family), 0);
    iscep_status status = iscep_config_check_inherited(config, &config->listeners[0], fd, err);
    close(fd);
    return status;
}

Test(config_listener, a_socket_of_systemd_is_judged_when_it_is_there)
{
    static const struct {
        const char *lines;
        int family;
        const char *host, *want;
    } cases[] = {
        {"serves = api admin\n", AF_UNIX, NULL, NULL},
        {"serves = api\npeer_uids = 0\n", AF_UNIX, NULL, NULL},
        {"serves = api\n", AF_INET, "127.0.0.1", "over TCP api and admin"},
        {"serves = api\npeer_uids = 0\ntokens = ~/token\n", AF_INET, "127.0.0.1",
         "mode, owner and peer_uids"},
        {"serves = api\ntokens = ~/token\n", AF_INET, "127.0.0.1", NULL},
        {"serves = api\ntokens = ~/token\n", AF_INET, "0.0.0.0", "without TLS"},
        {"serves = api\ntokens = ~/token\n" TLS, AF_INET, "0.0.0.0", NULL},
        {"serves = api\ntokens = ~/token\n" TLS, AF_UNIX, NULL, "certificates, tokens and allow_"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_status status = inherit(cases[i].lines, cases[i].family, cases[i].host, &err);
        cr_assert_eq(status, cases[i].want == NULL ? ISCEP_OK : ISCEP_CONFIG, "%zu: %s", i, err.message);
        if (cases[i].want != NULL)
            cr_assert_not_null(strstr(err.message, cases[i].want), "%s", err.message);
    }
}

Test(config_listener, of_systemd_has_no_path_and_ctl_tries_the_usual)
{
    const iscep_config *config = config_case_good("[connector]\nlisten = systemd:scepd\n" TENANT);
    cr_assert_null(config->listeners[0].at.unix_path);
    cr_assert_str_eq(config->listeners[0].systemd_name, "scepd");
    cr_assert_str_eq(config->socket_path, "/run/intune-scep/connector.sock");
}

/* --- where intune-scepctl asks --- */

Test(config_listener, the_socket_is_found_in_a_file_with_mistakes_elsewhere)
{
    static const char *const texts[] = {
        "[listener/a]\naddress = unix:/run/a\nserves = admin\nnonsense = 1\n[connector]\nworkers = many\n",
        "[listener/a]\naddress = unix:/run/a\nserves = api admin\nmode = what\n[tenant/t]\n"
        "client_secret_file = /nowhere\n",
        "[listener/b]\naddress = tcp:127.0.0.1:1\nserves = api\ncertificate = /nowhere\ntokens = /nowhere\n"
        "[listener/a]\naddress = unix:/run/a\nserves = admin\n[nonsense]\na = b\n",
        "[connector]\nlisten = unix:/run/a\nnonsense = 1\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        iscep_config *config = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        config_case_write("mistaken", texts[i]);
        cr_assert_eq(iscep_config_load(&config, config_case_path("mistaken"), &err), ISCEP_CONFIG, "%s",
                     texts[i]);
        cr_assert_eq(iscep_config_load_socket(&config, config_case_path("mistaken"), &err), ISCEP_OK,
                     "%s: %s", texts[i], err.message);
        cr_assert_str_eq(config->socket_path, "/run/a");
        iscep_config_free(config);
    }
}

Test(config_listener, a_mistake_in_the_sockets_own_keys_is_none_that_can_be_passed_over)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    config_case_write("mistaken", "[listener/a]\naddress = unix:run\nserves = admin\n");
    cr_assert_eq(iscep_config_load_socket(&config, config_case_path("mistaken"), &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, ":2: address"), "%s", err.message);
}
