/*
 * Prints docs/CODES.md from the tables that the connector itself uses. The test docs_codes compares; after a change:
 *
 *     build/bin/codes_page >docs/CODES.md
 */
#include <stdio.h>

#include "intune/codes.h"
#include "service/refusals.h"

static const char introduction[] = "# What a refusal means\n"
                                   "\n"
                                   "Every refusal has a code. It stands in the connector's log, in its reply "
                                   "([LOCAL-API.md](LOCAL-API.md)), in `answer.code` of the\n"
                                   "plugin ABI, and `intune-scepctl codes CODE` explains it. This page is "
                                   "printed from the connector's own tables.\n"
                                   "\n"
                                   "*Where* says who can most likely mend it: the `device` or its "
                                   "registration, the SCEP `profile`, the `challenge` on its\n"
                                   "way, the `tenant` that this connector serves, the `service` Intune "
                                   "itself, the SCEP `server`, the `ca` behind it.\n"
                                   "\n"
                                   "Only `Success` is a yes. Intune's list is open: a code that stands "
                                   "nowhere here is a refusal like any other, and is\n"
                                   "passed on as it came.\n";

static void print_table(const char *heading, const iscep_code *(*at)(size_t index))
{
    printf("\n## %s\n| code | where | what it says | likely cause, and where to look |\n| --- | --- | --- | "
           "--- |\n",
           heading);
    for (size_t i = 0; at(i) != NULL; i++)
        printf("| `%s` | %s | %s | %s |\n", at(i)->code, iscep_code_class_name(at(i)->code_class),
               at(i)->meaning, at(i)->advice);
}

int main(void)
{
    fputs(introduction, stdout);
    print_table("Intune's", iscep_code_at);
    print_table("The connector's own, before Intune is asked or after a certificate was issued",
                iscep_refusal_at);
    return ferror(stdout) != 0;
}
