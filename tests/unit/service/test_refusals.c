/* Our own refusals explain themselves, and are told apart from Intune's. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "base/bytes.h"
#include "service/refusals.h"

Test(refusals, each_has_a_meaning_and_advice_and_stands_there_once)
{
    size_t count = 0;
    for (const iscep_code *one; (one = iscep_refusal_at(count)) != NULL; count++) {
        cr_assert_eq(iscep_refusal_find(one->code), one, "%s", one->code);
        cr_assert_gt(strlen(one->meaning), 20, "%s", one->code);
        cr_assert_gt(strlen(one->advice), 20, "%s", one->code);
        cr_assert(islower((unsigned char)one->code[0]), "%s", one->code);
        cr_assert_null(iscep_code_find(one->code), "%s", one->code);
    }
    cr_assert_gt(count, 20);
    cr_assert_null(iscep_refusal_find("ChallengeExpired"));
    cr_assert_null(iscep_refusal_find(""));
}

Test(refusals, a_long_finding_of_foreign_origin_is_cut_and_stays_one_line)
{
    char finding[2000];
    iscep_verdict verdict;
    memset(finding, 'x', sizeof finding - 1);
    finding[sizeof finding - 1] = '\0';
    memcpy(finding, "a\nb\x1B", 4);
    iscep_refusal_emit(&verdict, ISCEP_DENY, "csr_extension", finding);
    cr_assert_eq(verdict.decision, ISCEP_DENY);
    cr_assert_eq(verdict.retry_after_ms, -1);
    cr_assert_str_eq(verdict.code, "csr_extension");
    cr_assert_eq(strlen(verdict.message), sizeof verdict.message - 1);
    cr_assert_null(strpbrk(verdict.message, "\n\x1B"));
}
