/* Which CA a revocation is for: what each hint says, and what they come to together. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/routing.h"
#include "tests/unit/service/fake_ca.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_ca blue, red, open_ca;
static iscep_ca *both[] = {&blue, &red};
static iscep_ca *only[] = {&open_ca};
static const iscep_routing two = {both, 2}, one = {only, 1}, none = {NULL, 0};

static void set_up(void)
{
    fake_ca_init(&blue, "blue", "CN=Blue CA,O=Contoso", "blue-scep");
    fake_ca_init(&red, "red", "CN=Red CA,O=Contoso", NULL);
    fake_ca_init(&open_ca, "open", NULL, NULL);
}

TestSuite(routing, .init = set_up);

typedef struct hints {
    const char *ca, *issuer, *configuration;
    size_t known_count;
    const char *known_ca, *known_issuer;
} hints;

static iscep_route choose(iscep_ca **out, const iscep_routing *routing, const hints *given)
{
    const iscep_revocation revocation = {.context = "c",
                                         .serial = "01",
                                         .serial_text = "01",
                                         .ca = given->ca,
                                         .issuer = given->issuer,
                                         .configuration = given->configuration,
                                         .known_count = given->known_count,
                                         .known = {.issuer = given->known_issuer},
                                         .known_ca = given->known_ca};
    *out = NULL;
    return iscep_routing_choose(out, routing, &revocation);
}

Test(routing, each_hint_alone_is_enough)
{
    static const hints cases[] = {
        {.ca = "blue", .issuer = "", .configuration = ""},
        {.issuer = "CN=Blue CA,O=Contoso", .configuration = ""},
        {.issuer = "o=contoso, cn=blue ca", .configuration = ""},
        {.issuer = "", .configuration = "CN=Blue CA,O=Contoso"},
        {.issuer = "", .configuration = "blue-scep"},
        {.issuer = "blue-scep", .configuration = "blue-scep"},
        {.issuer = "", .configuration = "", .known_count = 1, .known_ca = "blue", .known_issuer = "CN=x"},
        {.issuer = "", .configuration = "", .known_count = 1, .known_issuer = "O=Contoso,CN=Blue CA"},
        /* a name that no CA is configured with, but that the journal's certificate has */
        {.issuer = "CN=x",
         .configuration = "CN=x",
         .known_count = 1,
         .known_ca = "blue",
         .known_issuer = "CN=x"},
        {.ca = "gone", .issuer = "CN=Blue CA,O=Contoso", .configuration = ""},
    };
    iscep_ca *ca;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(choose(&ca, &two, &cases[i]), ISCEP_ROUTE_FOUND, "case %zu", i);
        cr_assert_eq(ca, &blue, "case %zu", i);
    }
}

Test(routing, hints_must_not_contradict_each_other)
{
    static const hints cases[] = {
        {.issuer = "CN=Red CA,O=Contoso", .configuration = "blue-scep"},
        {.ca = "red", .issuer = "CN=Blue CA,O=Contoso", .configuration = ""},
        {.issuer = "CN=Blue CA,O=Contoso", .configuration = "", .known_count = 1, .known_ca = "red"},
        {.issuer = "",
         .configuration = "",
         .known_count = 2}, /* two certificates, and no word of the issuer */
    };
    iscep_ca *ca;
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(choose(&ca, &two, &cases[i]), ISCEP_ROUTE_AMBIGUOUS, "case %zu", i);
}

Test(routing, issuer_decides_between_certificates_of_one_serial_number)
{
    iscep_ca *ca;
    const hints given = {
        .issuer = "CN=Red CA,O=Contoso", .configuration = "CN=Red CA,O=Contoso", .known_count = 2};
    cr_assert_eq(choose(&ca, &two, &given), ISCEP_ROUTE_FOUND);
    cr_assert_eq(ca, &red);
}

/* CAs that count from 1 have the same serial numbers: ours must not be revoked for a stranger's. */
Test(routing, stranger_is_foreign_even_if_we_have_his_serial_number)
{
    static const hints cases[] = {
        {.issuer = "CN=Green CA", .configuration = "CN=Green CA"},
        {.issuer = "CN=Green CA",
         .configuration = "",
         .known_count = 1,
         .known_ca = "blue",
         .known_issuer = "CN=Blue CA,O=Contoso"},
        {.issuer = "CN=Green CA", .configuration = "green", .known_count = 2},
        {.issuer = "", .configuration = ""},
        {.ca = "gone", .issuer = "", .configuration = ""},
        {.issuer = "CN=Blue CA", .configuration = "blue-scep-2"},
    };
    iscep_ca *ca;
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(choose(&ca, &two, &cases[i]), ISCEP_ROUTE_FOREIGN, "case %zu", i);
}

Test(routing, two_cas_of_one_name_are_told_apart_by_the_journal_or_not_at_all)
{
    iscep_ca *ca;
    red.options.issuer = blue.options.issuer;
    const hints bare = {.issuer = "CN=Blue CA,O=Contoso", .configuration = ""};
    const hints known = {
        .issuer = "CN=Blue CA,O=Contoso", .configuration = "", .known_count = 1, .known_ca = "red"};
    cr_assert_eq(choose(&ca, &two, &bare), ISCEP_ROUTE_AMBIGUOUS);
    cr_assert_eq(choose(&ca, &two, &known), ISCEP_ROUTE_FOUND);
    cr_assert_eq(ca, &red);
    cr_assert_null(iscep_routing_by_issuer(&two, "CN=Blue CA,O=Contoso"));
}

Test(routing, only_ca_without_an_issuer_is_everybodys)
{
    iscep_ca *ca;
    const hints given = {.issuer = "CN=anything", .configuration = "else"};
    cr_assert_eq(choose(&ca, &one, &given), ISCEP_ROUTE_FOUND);
    cr_assert_eq(ca, &open_ca);
    cr_assert_eq(iscep_routing_by_issuer(&one, "CN=anything"), &open_ca);
    open_ca.options.issuer = "CN=mine";
    cr_assert_eq(choose(&ca, &one, &given), ISCEP_ROUTE_FOREIGN);
    cr_assert_null(iscep_routing_by_issuer(&one, "CN=anything"));
    cr_assert_eq(choose(&ca, &none, &given), ISCEP_ROUTE_FOREIGN);
}

Test(routing, names_and_issuers_are_looked_up)
{
    cr_assert_eq(iscep_routing_by_name(&two, "red"), &red);
    cr_assert_null(iscep_routing_by_name(&two, "Red"));
    cr_assert_null(iscep_routing_by_name(&two, NULL));
    cr_assert_eq(iscep_routing_by_issuer(&two, "O=Contoso,CN=Red CA"), &red);
    cr_assert_null(iscep_routing_by_issuer(&two, "CN=Green CA"));
    cr_assert_null(iscep_routing_by_issuer(&two, ""));
    cr_assert_null(iscep_routing_by_issuer(&none, "CN=Red CA,O=Contoso"));
}
