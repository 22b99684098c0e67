/* See xml.h. */
#include "base/xml.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/utf8.h"

struct iscep_xml {
    xmlDoc *doc;
};

/* What our hooks among libxml2's know while a document is parsed. */
typedef struct parsing {
    size_t depth;
    size_t element_count;
    const char *code; /* why it was stopped; NULL: it was not */
} parsing;

/* --- before libxml2 sees it --- */

/* Of a tag from its "<" to its ">"; no "<" may stand in it, not even in an attribute's value. */
static size_t tag_len(const uint8_t *at, size_t len)
{
    uint8_t quote = 0;
    size_t i = 1;
    for (; i < len && at[i] != '<'; i++) {
        if (quote == 0 && at[i] == '>')
            break;
        if (quote != 0)
            quote = at[i] == quote ? 0 : quote;
        else if (at[i] == '"' || at[i] == '\'')
            quote = at[i];
    }
    return i;
}

static iscep_status check_tags(iscep_bytes text, iscep_error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '<' || i + 1 == text.len || text.data[i + 1] == '!' || text.data[i + 1] == '?')
            continue;
        size_t len = tag_len(text.data + i, text.len - i);
        if (len > ISCEP_XML_MAX_TAG)
            return iscep_error_set(err, ISCEP_USAGE, "xml_too_many", "a tag is longer than %zu bytes",
                                   ISCEP_XML_MAX_TAG);
        i += len - 1;
    }
    return ISCEP_OK;
}

static iscep_status check_text(iscep_bytes text, iscep_error *err)
{
    if (text.len > ISCEP_XML_MAX_BYTES)
        return iscep_error_set(err, ISCEP_USAGE, "xml_too_large", "it is larger than %zu bytes",
                               ISCEP_XML_MAX_BYTES);
    if (text.len >= 2 && (memcmp(text.data, "\xFF\xFE", 2) == 0 || memcmp(text.data, "\xFE\xFF", 2) == 0))
        return iscep_error_set(err, ISCEP_USAGE, "xml_encoding", "it is UTF-16: save it as UTF-8");
    for (size_t i = 0, len; i < text.len; i += len) {
        len = iscep_utf8_len(text.data + i, text.len - i);
        if (len == 0 || text.data[i] == '\0')
            return iscep_error_set(err, ISCEP_USAGE, "xml_encoding", "it is no text in UTF-8");
    }
    return check_tags(text, err);
}

/* --- our hooks --- */

static void stop(xmlParserCtxt *context, const char *code)
{
    parsing *state = context->_private;
    if (state->code == NULL)
        state->code = code;
    xmlStopParser(context);
}

static void start_element(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                          int namespace_count, const xmlChar **namespaces, int attribute_count,
                          int defaulted_count, const xmlChar **attributes)
{
    xmlParserCtxt *context = user;
    parsing *state = context->_private;
    (void)namespace_count, (void)namespaces, (void)attribute_count, (void)defaulted_count, (void)attributes;
    if (++state->depth > ISCEP_XML_MAX_DEPTH)
        stop(context, "xml_too_deep");
    else if (++state->element_count > ISCEP_XML_MAX_ELEMENTS)
        stop(context, "xml_too_many");
    else
        xmlSAX2StartElementNs(user, name, prefix, uri, 0, NULL, 0, 0, NULL);
}

static void end_element(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    xmlParserCtxt *context = user;
    parsing *state = context->_private;
    state->depth--;
    xmlSAX2EndElementNs(user, name, prefix, uri);
}

static void refuse_entity(void *user, const xmlChar *name, int type, const xmlChar *public_id,
                          const xmlChar *system_id, xmlChar *content)
{
    (void)name, (void)type, (void)public_id, (void)system_id, (void)content;
    stop(user, "xml_entity");
}

static void refuse_reference(void *user, const xmlChar *name)
{
    (void)name;
    stop(user, "xml_entity");
}

/* NULL for all but the five that XML itself has, which need no declaration. */
static xmlEntity *find_entity(void *user, const xmlChar *name)
{
    xmlEntity *entity = xmlGetPredefinedEntity(name);
    if (entity == NULL)
        stop(user, "xml_entity");
    return entity;
}

static xmlParserInput *fetch_nothing(void *user, const xmlChar *public_id, const xmlChar *system_id)
{
    (void)user, (void)public_id, (void)system_id;
    return NULL;
}

static void set_hooks(xmlSAXHandler *sax)
{
    sax->startElementNs = start_element;
    sax->endElementNs = end_element;
    sax->entityDecl = refuse_entity;
    sax->reference = refuse_reference;
    sax->getEntity = find_entity;
    sax->getParameterEntity = find_entity;
    sax->resolveEntity = fetch_nothing;
    sax->externalSubset = NULL;
    sax->unparsedEntityDecl = NULL;
    sax->notationDecl = NULL;
    sax->attributeDecl = NULL;
    sax->elementDecl = NULL;
    sax->comment = NULL;
    sax->processingInstruction = NULL;
}

/* --- parsing --- */

static const char *describe(const char *code)
{
    static const struct {
        const char *code;
        const char *sentence;
    } sentences[] = {
        {"xml_too_deep", "elements are nested too deep"},
        {"xml_too_many", "there are too many elements"},
        {"xml_entity", "it declares or uses an entity, which is refused"},
    };
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i].code, code) == 0)
            return sentences[i].sentence;
    return "it is not well-formed XML";
}

static iscep_status refuse(const xmlParserCtxt *context, iscep_error *err)
{
    const parsing *state = context->_private;
    if (context->lastError.code == XML_ERR_NO_MEMORY)
        return iscep_error_nomem(err);
    const char *code = state->code != NULL ? state->code : "xml_malformed";
    int line = state->code == NULL && context->lastError.line > 0 ? context->lastError.line
               : context->input != NULL                           ? context->input->line
                                                                  : 0;
    if (line > 0)
        return iscep_error_set(err, ISCEP_USAGE, code, "line %d: %s", line, describe(code));
    return iscep_error_set(err, ISCEP_USAGE, code, "%s", describe(code));
}

static iscep_status parse(iscep_xml *xml, xmlParserCtxt *context, iscep_bytes text, iscep_error *err)
{
    enum {
        OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA |
                  XML_PARSE_IGNORE_ENC
    };
    parsing state = {0};
    context->_private = &state;
    set_hooks(context->sax);
    xml->doc = xmlCtxtReadMemory(context, (const char *)text.data, (int)text.len, NULL, "UTF-8", OPTIONS);
    if (xml->doc != NULL && state.code == NULL && xmlDocGetRootElement(xml->doc) != NULL)
        return ISCEP_OK;
    return refuse(context, err);
}

iscep_status iscep_xml_parse(iscep_xml **out, iscep_bytes text, iscep_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, xmlInitParser); /* the first of several threads must not be alone with it */
    iscep_status status = check_text(text, err);
    if (status != ISCEP_OK)
        return status;
    iscep_xml *xml = calloc(1, sizeof *xml);
    xmlParserCtxt *context = xmlNewParserCtxt();
    status = xml == NULL || context == NULL ? iscep_error_nomem(err) : parse(xml, context, text, err);
    xmlFreeParserCtxt(context);
    if (status == ISCEP_OK)
        *out = xml;
    else
        iscep_xml_free(xml);
    return status;
}

void iscep_xml_free(iscep_xml *xml)
{
    if (xml == NULL)
        return;
    xmlFreeDoc(xml->doc);
    free(xml);
}

void iscep_xml_cleanup(iscep_xml **xml)
{
    iscep_xml_free(*xml);
}

/* --- looking at it --- */

static const xmlNode *skip_to_element(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

const iscep_xml_element *iscep_xml_root(const iscep_xml *xml)
{
    return xmlDocGetRootElement(xml->doc);
}

const iscep_xml_element *iscep_xml_first(const iscep_xml_element *element)
{
    return skip_to_element(element->children);
}

const iscep_xml_element *iscep_xml_next(const iscep_xml_element *element)
{
    return skip_to_element(element->next);
}

const char *iscep_xml_name(const iscep_xml_element *element)
{
    return (const char *)element->name;
}

bool iscep_xml_is(const iscep_xml_element *element, const char *name)
{
    return strcmp(iscep_xml_name(element), name) == 0;
}

const iscep_xml_element *iscep_xml_child(const iscep_xml_element *element, const char *name)
{
    const iscep_xml_element *child = iscep_xml_first(element);
    while (child != NULL && !iscep_xml_is(child, name))
        child = iscep_xml_next(child);
    return child;
}

int32_t iscep_xml_line(const iscep_xml_element *element)
{
    return (int32_t)xmlGetLineNo(element);
}

iscep_status iscep_xml_text(iscep_buf *out, const iscep_xml_element *element, iscep_error *err)
{
    for (const xmlNode *node = element->children; node != NULL; node = node->next) {
        if (node->type != XML_TEXT_NODE)
            return iscep_error_set(err, ISCEP_USAGE, "xml_text",
                                   "line %d: text is expected, without elements in it",
                                   iscep_xml_line(element));
        iscep_buf_append_text(out, (const char *)node->content);
    }
    return iscep_buf_status(out, err);
}
