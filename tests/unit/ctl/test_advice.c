/* The most special advice is found, and every code of Entra ID that doctor promises to explain is explained. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/advice.h"

Test(advice, the_step_decides_where_one_code_means_two_things)
{
    const ctl_advice *graph = ctl_advice_find("graph_token", "AADSTS500011");
    const ctl_advice *intune = ctl_advice_find("intune_token", "AADSTS500011");
    cr_assert_neq(graph, intune);
    cr_assert_not_null(strstr(intune->cause, "licence"));
    cr_assert_null(strstr(graph->cause, "licence"));
}

Test(advice, consent_is_told_apart_from_licence)
{
    const ctl_advice *consent = ctl_advice_find("discovery", "graph_refused");
    const ctl_advice *licence = ctl_advice_find("discovery", "service_not_discovered");
    cr_assert_not_null(strstr(consent->advice, "admin consent"));
    cr_assert_null(strstr(consent->advice, "licence"));
    cr_assert_not_null(strstr(licence->advice, "Intune licence"));
    cr_assert_null(strstr(licence->advice, "admin consent"));
}

Test(advice, the_wrong_cloud_is_told_apart_from_the_wrong_tenant)
{
    cr_assert_not_null(strstr(ctl_advice_find("graph_token", "AADSTS900382")->cause, "cloud"));
    cr_assert_not_null(strstr(ctl_advice_find("graph_token", "AADSTS90038")->cause, "cloud"));
    cr_assert_not_null(strstr(ctl_advice_find("graph_token", "AADSTS90002")->advice, "tenant_id is wrong"));
}

/* setup has systemd hand the secret over: a connector that runs does not see a new one in the file. */
Test(advice, a_new_secret_takes_a_restart)
{
    static const char *const codes[] = {"AADSTS7000215", "AADSTS7000222"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const char *advice = ctl_advice_find("graph_token", codes[i])->advice;
        cr_assert_not_null(strstr(advice, "/etc/intune-scep/secrets/client-secret"), "%s", advice);
        cr_assert_not_null(strstr(advice, "systemctl restart intune-scepd"), "%s", advice);
    }
}

/* What systemd reads for the connector is root's: nobody is to open it to the connector's user or group. */
Test(advice, a_secret_is_for_its_owner_alone)
{
    cr_assert_not_null(strstr(ctl_advice_find("credential", "secret_exposed")->advice, "chmod 0600"));
    cr_assert_not_null(
        strstr(ctl_advice_find("configuration", "secret_unreadable")->advice, "doctor as root"));
}

Test(advice, explains_the_codes_of_entra_id)
{
    static const char *const codes[] = {
        "7000215", "7000222", "700016",  "7000229", "90002",   "900021",  "900023",  "50034",
        "900382",  "900432",  "90038",   "90051",   "7000112", "7000218", "7000216", "700027",
        "700024",  "700021",  "700023",  "700030",  "70021",   "700211",  "700212",  "700213",
        "50013",   "50027",   "65001",   "650051",  "650052",  "501051",  "53003",   "530034",
        "50196",   "70011",   "1002012", "500014",  "50001",   "90033"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char code[32] = "AADSTS";
        strcat(code, codes[i]);
        cr_assert_str_eq(ctl_advice_find("graph_token", code)->code, code);
    }
}

Test(advice, an_unknown_code_gets_its_steps_advice)
{
    const ctl_advice *found = ctl_advice_find("graph_token", "AADSTS1");
    cr_assert_str_eq(found->step, "graph_token");
    cr_assert_null(found->code);
}

/* Whole codes are compared, never their beginnings. */
Test(advice, a_longer_code_is_another)
{
    cr_assert_null(ctl_advice_find("graph_token", "AADSTS70002150")->code);
    cr_assert_null(ctl_advice_find("graph_token", "AADSTS700021")->step);
}

Test(advice, there_is_always_something_to_say)
{
    const ctl_advice *found = ctl_advice_find("no_such_step", "no_such_code");
    cr_assert_null(found->step);
    cr_assert_null(found->code);
    cr_assert_not_null(found->cause);
    cr_assert_not_null(found->advice);
}
