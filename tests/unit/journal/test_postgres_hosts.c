/* A connection string's hosts, one by one; what is not plainly a list is left to libpq, whole. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/store_postgres_hosts.h"

#define LONG_NAME                                                                                            \
    "a123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"   \
    "b123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"   \
    "c1234567890123456789012345678901234567890123456789012345"
_Static_assert(sizeof LONG_NAME == 257, "one character more than there is room for");

static iscep_postgres_host hosts[ISCEP_POSTGRES_MAX_HOSTS];

Test(postgres_hosts, are_listed_with_what_is_said_of_each)
{
    static const struct {
        const char *conninfo;
        iscep_postgres_host want[2];
    } cases[] = {
        {"host=a,b dbname=scep", {{.host = "a"}, {.host = "b"}}},
        {"host=a,b port=6432", {{.host = "a"}, {.host = "b"}}}, /* which is for both, in the string itself */
        {"host=a,b port=1,2", {{.host = "a", .port = "1"}, {.host = "b", .port = "2"}}},
        {"host=a,b port=1,", {{.host = "a", .port = "1"}, {.host = "b", .port = "5432"}}},
        {"host=a,b hostaddr=192.0.2.1,2001:db8::1",
         {{.host = "a", .hostaddr = "192.0.2.1"}, {.host = "b", .hostaddr = "2001:db8::1"}}},
        {"hostaddr=192.0.2.1,192.0.2.2", {{.hostaddr = "192.0.2.1"}, {.hostaddr = "192.0.2.2"}}},
        {"postgresql://a:1,b/scep", {{.host = "a", .port = "1"}, {.host = "b", .port = "5432"}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(hosts, 'x', sizeof hosts);
        cr_assert_eq(iscep_postgres_hosts_list(hosts, cases[i].conninfo), 2, "%s", cases[i].conninfo);
        for (size_t at = 0; at < 2; at++) {
            cr_assert_str_eq(hosts[at].host, cases[i].want[at].host, "%s", cases[i].conninfo);
            cr_assert_str_eq(hosts[at].hostaddr, cases[i].want[at].hostaddr, "%s", cases[i].conninfo);
            cr_assert_str_eq(hosts[at].port, cases[i].want[at].port, "%s", cases[i].conninfo);
        }
    }
}

Test(postgres_hosts, as_many_as_there_is_room_for)
{
    cr_assert_eq(iscep_postgres_hosts_list(hosts, "host=a,b,c,d,e,f,g,h"), ISCEP_POSTGRES_MAX_HOSTS);
    cr_assert_str_eq(hosts[ISCEP_POSTGRES_MAX_HOSTS - 1].host, "h");
}

Test(postgres_hosts, are_none_of_ours_when_they_are_no_list)
{
    static const char *const others[] = {
        "",
        "host=a",
        "dbname=scep",
        "host=a,b,c,d,e,f,g,h,i",
        "host=a,b port=1,2,3",
        "host=a,b hostaddr=192.0.2.1",
        "host=a, hostaddr=192.0.2.1,192.0.2.2,192.0.2.3",
        "host=a,",
        "host=,b",
        "host=a,b hostaddr=192.0.2.1,",
        "host=a," LONG_NAME,
        "host=a,b port=1,12345678",
        "host=a,b nonsense=1",
        "host=a,b =",
        "'",
    };
    const iscep_postgres_host nothing[ISCEP_POSTGRES_MAX_HOSTS] = {{.host = ""}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        memset(hosts, 'x', sizeof hosts);
        cr_assert_eq(iscep_postgres_hosts_list(hosts, others[i]), 0, "%s", others[i]);
        cr_assert_arr_eq((const char *)hosts, (const char *)nothing, sizeof hosts, "%s", others[i]);
    }
}
