/* See routing.h. */
#include "service/routing.h"

#include <string.h>

#include "base/dn.h"

/* A set of CAs: bit i is cas[i]. */
typedef uint64_t ca_set;

static size_t count_of(const iscep_routing *routing)
{
    return routing->count < ISCEP_ROUTING_MAX_CAS ? routing->count : ISCEP_ROUTING_MAX_CAS;
}

static const iscep_ca_options *options_at(const iscep_routing *routing, size_t at)
{
    return iscep_ca_options_of(routing->cas[at]);
}

static ca_set named(const iscep_routing *routing, const char *name)
{
    for (size_t i = 0; name != NULL && i < count_of(routing); i++)
        if (strcmp(options_at(routing, i)->name, name) == 0)
            return UINT64_C(1) << i;
    return 0;
}

/* The only CA, if it does not say what is its own. */
static ca_set everybodys(const iscep_routing *routing)
{
    bool is_open = count_of(routing) == 1 && options_at(routing, 0)->issuer == NULL &&
                   options_at(routing, 0)->ca_configuration == NULL;
    return is_open ? 1 : 0;
}

static ca_set of_issuer(const iscep_routing *routing, const char *issuer)
{
    ca_set found = 0;
    for (size_t i = 0; issuer != NULL && i < count_of(routing); i++) {
        const char *own = options_at(routing, i)->issuer;
        if (own != NULL && iscep_dn_equal(own, issuer))
            found |= UINT64_C(1) << i;
    }
    return found;
}

/*
 * Intune gives back what the notification called the CA, which is one text in three places; so either text of a
 * request may be either the issuer or the caConfiguration of a CA.
 */
static ca_set of_text(const iscep_routing *routing, const char *text)
{
    ca_set found = of_issuer(routing, text);
    for (size_t i = 0; text[0] != '\0' && i < count_of(routing); i++) {
        const char *own = options_at(routing, i)->ca_configuration;
        if (own != NULL && strcmp(own, text) == 0)
            found |= UINT64_C(1) << i;
    }
    return found;
}

static iscep_ca *only_one(const iscep_routing *routing, ca_set set)
{
    bool is_one = set != 0 && (set & (set - 1)) == 0;
    for (size_t i = 0; is_one && i < count_of(routing); i++)
        if (set == UINT64_C(1) << i)
            return routing->cas[i];
    return NULL;
}

iscep_ca *iscep_routing_by_name(const iscep_routing *routing, const char *name)
{
    return only_one(routing, named(routing, name));
}

iscep_ca *iscep_routing_by_issuer(const iscep_routing *routing, const char *issuer)
{
    ca_set found = of_issuer(routing, issuer);
    return only_one(routing, found != 0 ? found : everybodys(routing));
}

/* Does the request name no issuer, or the one of the certificate that the journal knows? */
static bool is_known_meant(const iscep_revocation *revocation)
{
    bool is_nameless = revocation->issuer[0] == '\0' && revocation->configuration[0] == '\0';
    const char *issuer = revocation->known.issuer != NULL ? revocation->known.issuer : "";
    return is_nameless || iscep_dn_equal(revocation->issuer, issuer) ||
           iscep_dn_equal(revocation->configuration, issuer);
}

static ca_set of_known(const iscep_routing *routing, const iscep_revocation *revocation)
{
    if (revocation->known_count != 1)
        return 0;
    ca_set found = named(routing, revocation->known_ca);
    return found != 0 ? found : of_issuer(routing, revocation->known.issuer);
}

/*
 * Each that says something narrows the choice. The journal's word counts against the texts, but alone only if they do not
 * name a stranger: where CAs count their serial numbers from 1, another CA's certificate has the same.
 */
iscep_route iscep_routing_choose(iscep_ca **out, const iscep_routing *routing,
                                 const iscep_revocation *revocation)
{
    ca_set known = of_known(routing, revocation);
    ca_set evidence[] = {named(routing, revocation->ca), of_text(routing, revocation->issuer),
                         of_text(routing, revocation->configuration)};
    ca_set left = ~UINT64_C(0);
    bool is_said = false;
    for (size_t i = 0; i < sizeof evidence / sizeof *evidence; i++) {
        left &= evidence[i] != 0 ? evidence[i] : left;
        is_said |= evidence[i] != 0;
    }
    if (known != 0 && (is_said || is_known_meant(revocation))) {
        left &= known;
        is_said = true;
    }
    if (!is_said && revocation->known_count > 1 && is_known_meant(revocation))
        return ISCEP_ROUTE_AMBIGUOUS;
    if (!is_said)
        left = everybodys(routing);
    *out = only_one(routing, left);
    if (*out != NULL)
        return ISCEP_ROUTE_FOUND;
    return is_said ? ISCEP_ROUTE_AMBIGUOUS : ISCEP_ROUTE_FOREIGN;
}

size_t iscep_routing_list_absent(const char *names[ISCEP_ROUTING_MAX_CAS], const iscep_routing *routing)
{
    size_t count = 0;
    for (size_t i = 0; i < count_of(routing); i++)
        if (!iscep_ca_is_attended(routing->cas[i]))
            names[count++] = options_at(routing, i)->name;
    return count;
}

int64_t iscep_routing_longest_timeout_ms(const iscep_routing *routing)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < count_of(routing); i++)
        if (options_at(routing, i)->timeout_ms > longest_ms)
            longest_ms = options_at(routing, i)->timeout_ms;
    return longest_ms;
}
