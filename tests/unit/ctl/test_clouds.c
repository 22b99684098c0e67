/* Addresses of two clouds are never mistaken for one, nor strangers for Microsoft. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/clouds.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

Test(clouds, addresses_have_their_cloud)
{
    static const struct {
        const char *address;
        const char *cloud;
    } rows[] = {
        {"https://login.microsoftonline.com", "public"},
        {"https://LOGIN.MicrosoftOnline.com:443/x", "public"},
        {"https://fef.amsua0502.manage.microsoft.com/RACerts", "public"},
        {"https://login.microsoftonline.us/", "gcc-high"},
        {"https://dod-graph.microsoft.us", "dod"},
        {"manage.microsoftonline.cn", "china"},
        {"https://localhost:40123", NULL},
        {"https://evillogin.microsoftonline.com", NULL},
        {"https://login.microsoftonline.com.evil.example", NULL},
        {"https://evil.example/login.microsoftonline.com", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *found = ctl_cloud_of(rows[i].address);
        if (rows[i].cloud == NULL)
            cr_assert_null(found, "%s", rows[i].address);
        else
            cr_assert(found != NULL && strcmp(found, rows[i].cloud) == 0, "%s", rows[i].address);
    }
}

Test(clouds, one_cloud_is_needed_for_all)
{
    static const struct {
        const char *addresses[4];
        bool is_one;
    } rows[] = {
        {{"https://login.microsoftonline.com", "https://graph.microsoft.com", "https://graph.microsoft.com",
          "https://api.manage.microsoft.com/"},
         true},
        {{"https://login.microsoftonline.us", "https://dod-graph.microsoft.us",
          "https://dod-graph.microsoft.us", "https://api.manage.microsoft.us/"},
         true},
        {{"https://localhost:1", "https://localhost:2", "https://graph.microsoft.com",
          "https://api.manage.microsoft.com/"},
         true},
        {{"https://login.microsoftonline.us", "https://graph.microsoft.us", "https://dod-graph.microsoft.us",
          "https://api.manage.microsoft.us/"},
         false},
        {{"https://login.microsoftonline.us", "https://graph.microsoft.com", "https://graph.microsoft.com",
          "https://api.manage.microsoft.com/"},
         false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_eq(ctl_is_one_cloud(rows[i].addresses, 4), rows[i].is_one, "row %zu", i);
}

Test(clouds, microsofts_signers_are_known_by_their_whole_name)
{
    cr_assert(ctl_signs_for_microsoft("C = US, O = DigiCert Inc, CN = DigiCert SHA2 Secure Server CA"));
    cr_assert(ctl_signs_for_microsoft(
        "C = US, O = Microsoft Corporation, CN = Microsoft Azure RSA TLS Issuing CA 03"));
    cr_assert(ctl_signs_for_microsoft("C = US, O = Microsoft Corporation"));
    cr_assert_not(ctl_signs_for_microsoft("C = US, O = Microsoft Corporation of Nowhere, CN = x"));
    cr_assert_not(ctl_signs_for_microsoft("C = US, O = Contoso, CN = Inspecting Proxy"));
    cr_assert_not(ctl_signs_for_microsoft("CN = DigiCert Inc"));
    cr_assert_not(ctl_signs_for_microsoft(""));
}
