/* The database that nodes share, in [journal]: which connection strings are refused, and what must be the same everywhere. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define VERIFIED     " sslmode=verify-full sslrootcert=/ca.pem"

static iscep_config *config;
static iscep_error err;

static void tear_down(void)
{
    iscep_config_free(config);
    config_case_tear_down();
}

TestSuite(config_database, .init = config_case_set_up, .fini = tear_down);

/* The lines of [journal], and what stands behind the tenant. */
static iscep_status load(const char *journal, const char *rest)
{
    char text[4096];
    iscep_config_free(config);
    config = NULL;
    snprintf(text, sizeof text,
             "[journal]\n%s\n[tenant/t]\ntenant_id = t\nclient_id = c\nclient_secret_file = ~/secret\n%s",
             journal, rest);
    return config_case_load(&config, text, &err);
}

Test(config_database, without_one_the_journal_is_the_nodes_own)
{
    char host[256];
    cr_assert_eq(load("", ""), ISCEP_OK, "%s", err.message);
    cr_assert_null(config->journal.database);
    cr_assert_eq(gethostname(host, sizeof host), 0);
    cr_assert_str_eq(config->journal.node, host);
    cr_assert_eq(config->reporting.attempt_timeout_ms, 30000);
}

Test(config_database, every_key_goes_where_it_belongs)
{
    char lines[512];
    snprintf(lines, sizeof lines,
             "database = host=db.example dbname=scep" VERIFIED "\ndatabase_password_file = %s\n"
             "database_connections = 8\ndatabase_timeout_ms = 500\nnode = a-1\nattempt_timeout_ms = 900\n",
             config_case_path("secret"));
    cr_assert_eq(load(lines, ""), ISCEP_OK, "%s", err.message);
    cr_assert_eq(config->journal.database, &config->database);
    cr_assert_str_eq(config->database.conninfo, "host=db.example dbname=scep" VERIFIED);
    cr_assert_str_eq(config->database.password_file, config_case_path("secret"));
    cr_assert_str_eq(config->database.application_name, "intune-scepd/a-1");
    cr_assert_eq(config->database.timeout_ms, 500);
    cr_assert_eq(config->journal.connections, 8);
    cr_assert_str_eq(config->journal.node, "a-1");
    cr_assert_eq(config->reporting.attempt_timeout_ms, 900);
    cr_assert_str_eq(iscep_config_secret_file(config, 0), config_case_path("secret"));
}

Test(config_database, another_machine_must_prove_who_it_is)
{
    static const char *const good[] = {
        "host=/run/postgresql",
        "host=@abstract",
        "host=localhost",
        "host=127.0.0.1,::1",
        "hostaddr=127.8.8.8 host=db.example",
        "host=db.example" VERIFIED,
        "postgresql://scep@db.example:5432/scep?sslmode=verify-full&sslrootcert=/ca.pem",
        "host=a.example,b.example target_session_attrs=read-write" VERIFIED,
    };
    static const char *const bad[] = {
        "host=db.example",
        "host=db.example sslmode=require",
        "host=db.example sslmode=verify-ca sslrootcert=/ca.pem",
        "host=db.example sslmode=verify-full",
        "host=localhost,db.example",
        "host=localhost hostaddr=192.0.2.1",
        "host=localhost.example",
        "host=127.0.0.1.example",
        "host=127.example",
        "host=localhost,",
        "postgres://scep@db.example/scep",
    };
    char lines[512];
    for (size_t i = 0; i < COUNT(good); i++) {
        snprintf(lines, sizeof lines, "database = %s\n", good[i]);
        cr_assert_eq(load(lines, ""), ISCEP_OK, "%s: %s", good[i], err.message);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(lines, sizeof lines, "database = %s\n", bad[i]);
        cr_assert_eq(load(lines, ""), ISCEP_CONFIG, "%s", bad[i]);
        cr_assert_not_null(strstr(err.message,
                                  ":2: [journal]: database: leads to another machine and must hold "
                                  "sslmode=verify-full"),
                           "%s: %s", bad[i], err.message);
        snprintf(lines, sizeof lines, "database = %s\ndatabase_tls = unchecked\n", bad[i]);
        cr_assert_eq(load(lines, ""), ISCEP_OK, "%s: %s", bad[i], err.message);
    }
}

Test(config_database, the_environment_leads_nowhere_else)
{
    static const char *const strings[] = {"host=localhost", "host=/run", "host=db.example" VERIFIED};
    char lines[512], service_file[512];
    config_case_write("elsewhere.service", "[elsewhere]\nhostaddr=192.0.2.1\n");
    snprintf(service_file, sizeof service_file, "%s", config_case_path("elsewhere.service"));
    for (size_t i = 0; i < COUNT(strings); i++) {
        snprintf(lines, sizeof lines, "database = %s\n", strings[i]);
        setenv("PGHOSTADDR", "192.0.2.1", 1);
        cr_assert_eq(load(lines, ""), ISCEP_CONFIG, "%s", strings[i]);
        cr_assert_not_null(strstr(err.message, ":2: [journal]: database: would be led elsewhere"), "%s",
                           err.message);
        unsetenv("PGHOSTADDR");
        setenv("PGSERVICEFILE", service_file, 1);
        setenv("PGSERVICE", "elsewhere", 1);
        cr_assert_eq(load(lines, ""), ISCEP_CONFIG, "%s", strings[i]);
        unsetenv("PGSERVICE");
        setenv("PGSSLMODE", "disable", 1); /* of no use against what the string must say */
        cr_assert_eq(load(lines, ""), ISCEP_OK, "%s: %s", strings[i], err.message);
    }
    setenv("PGHOSTADDR", "192.0.2.1", 1);
    cr_assert_eq(load("database = host=localhost hostaddr=127.0.0.1\n", ""), ISCEP_OK, "%s", err.message);
}

Test(config_database, no_connection_string_holds_a_secret_or_repeats_one)
{
    static const struct {
        const char *conninfo;
        const char *want;
    } cases[] = {
        {"host=/run password=hunter2", "must not hold a password"},
        {"host=/run sslpassword=hunter2", "must not hold a password"},
        {"postgres://scep:hunter2@localhost/scep", "must not hold a password"},
        {"postgres://scep:hunter2@[::1/scep", "is no connection string"},
        {"host=/run hunter2", "is no connection string"},
        {"host=/run passwort=hunter2", "is no connection string"},
        {"host=/run service=hunter2", "must not name a service"},
        {"dbname=hunter2", "must name a host"},
    };
    char lines[512];
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(lines, sizeof lines, "path = /x/j.db\ndatabase = %s\n", cases[i].conninfo);
        cr_assert_eq(load(lines, ""), ISCEP_CONFIG, "%s", cases[i].conninfo);
        cr_assert_not_null(strstr(err.message, ":3: [journal]: database: "), "%s", err.message);
        cr_assert_not_null(strstr(err.message, cases[i].want), "%s", err.message);
        cr_assert_null(strstr(err.message, "hunter2"), "%s", err.message);
    }
}

Test(config_database, what_makes_no_sense_is_refused_with_its_line)
{
    static const struct {
        const char *lines;
        const char *want;
    } cases[] = {
        {"database =\n", ":2: database: must not be empty"},
        {"database_timeout_ms = 500\n", ":2: [journal]: database_timeout_ms is of no use without database"},
        {"database_connections = 2\n", ":2: [journal]: database_connections is of no use without database"},
        {"database_tls = unchecked\n", ":2: [journal]: database_tls is of no use without database"},
        {"database_tls = off\n", ":2: database_tls: must be verified or unchecked"},
        {"database_connections = 0\n", ":2: database_connections: must be a number from 1 to 64"},
        {"node = two words\n", ":2: node: must be a name"},
        {"node =\n", ":2: node: must be a name"},
        {"attempt_timeout_ms = 0\n", ":2: attempt_timeout_ms: must be a number of milliseconds"},
        {"database = host=/run\ndatabase_password_file = /nowhere/password\n",
         ":3: database_password_file: "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(load(cases[i].lines, ""), ISCEP_CONFIG, "%s", cases[i].lines);
        cr_assert_not_null(strstr(err.message, cases[i].want), "%s: %s", cases[i].lines, err.message);
    }
}

/* --- what must be the same on all nodes --- */

static char plain[65]; /* without anything but a tenant */

/* Borrowed until the next call. */
static const char *digest_of(const char *journal, const char *rest)
{
    cr_assert_eq(load(journal, rest), ISCEP_OK, "%s", err.message);
    cr_assert_eq(strlen(config->common_digest), (size_t)64);
    return config->common_digest;
}

static void keep_digest(const char *rest)
{
    memcpy(plain, digest_of("", rest), sizeof plain);
}

Test(config_database, what_belongs_to_a_node_is_no_difference)
{
    static const char *const journals[] = {
        "path = /x/other.db\n",
        "node = b\n",
        "database = host=/run\ndatabase_timeout_ms = 1\n",
        "max_deliveries_in_flight = 3\n",
        "report = strict\n" /* the default, written out */,
    };
    static const char *const others[] = {
        "proxy = http://proxy:3128\nip_version = 4\n",
        "[listener/a]\naddress = unix:/run/a.sock\nserves = api admin\n",
        "[connector]\nworkers = 3\n",
    };
    keep_digest("");
    for (size_t i = 0; i < COUNT(journals); i++)
        cr_assert_str_eq(digest_of(journals[i], ""), plain, "%s", journals[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        cr_assert_str_eq(digest_of("", others[i]), plain, "%s", others[i]);
}

Test(config_database, what_decides_is_a_difference)
{
    static const char *const journals[] = {"report = deferred\n", "withheld = keep\n",
                                           "retention_days = 30\n", "attempt_timeout_ms = 1\n"};
    static const char *const others[] = {
        "issuer_name = CN=x\n",
        "[tenant/u]\ntenant_id = u\nclient_id = c\nclient_secret_file = ~/secret\n",
        "[policy]\nmin_rsa_bits = 3072\n",
        "[revocation]\nstorm_limit = 7\n",
        "[ca/one]\nkind = plugin\nissuer = CN=x\n",
    };
    keep_digest("");
    for (size_t i = 0; i < COUNT(journals); i++)
        cr_assert_str_neq(digest_of(journals[i], ""), plain, "%s", journals[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        cr_assert_str_neq(digest_of("", others[i]), plain, "%s", others[i]);
}

Test(config_database, the_order_of_sections_is_no_difference)
{
    static const char one[] =
        "[ca/one]\nkind = plugin\nissuer = CN=x\n[ca/two]\nkind = plugin\nissuer = CN=y\n";
    static const char other[] =
        "[ca/two]\nkind = plugin\nissuer = CN=y\n[ca/one]\nissuer = CN=x\nkind = plugin\n";
    static const char swapped[] =
        "[ca/one]\nkind = plugin\nissuer = CN=y\n[ca/two]\nkind = plugin\nissuer = CN=x\n";
    keep_digest(one);
    cr_assert_str_eq(digest_of("", other), plain);
    cr_assert_str_neq(digest_of("", swapped), plain);
}
