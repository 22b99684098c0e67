/*
 * XML (libxml2's only home) as plain elements and text, with the rules that a file from a stranger needs on top of
 * libxml2's: nothing is fetched, no entity is declared or expanded, and bytes, depth, number of elements and length of a tag are bounded.
 * A DOCTYPE may stand there, because every property list of Apple's has one; what it points to is never looked at.
 *
 * Only UTF-8, whatever the XML declaration says. Attributes, comments, processing instructions and namespaces are no
 * concern of ours: names are local names. libxml2 does not cleanse the memory that it frees.
 */
#ifndef ISCEP_BASE_XML_H
#define ISCEP_BASE_XML_H

#include "base/bytes.h"

#define ISCEP_XML_MAX_BYTES    ((size_t)1024 * 1024)
#define ISCEP_XML_MAX_DEPTH    64
#define ISCEP_XML_MAX_ELEMENTS 32768
#define ISCEP_XML_MAX_TAG      ((size_t)8192) /* bytes: libxml2's time grows with the square of the attributes */

typedef struct iscep_xml iscep_xml;
typedef struct _xmlNode iscep_xml_element;

/*
 * USAGE when it is not exactly one document within the limits: "xml_too_large", "xml_encoding", "xml_too_deep",
 * "xml_too_many", "xml_entity" (declared, or referred to), "xml_malformed"; with the line where there is one. No message quotes
 * the text. Threads: any; a document may be read by several.
 */
iscep_status iscep_xml_parse(iscep_xml **out, iscep_bytes text, iscep_error *err) ISCEP_CHECKED;
void iscep_xml_free(iscep_xml *xml);
void iscep_xml_cleanup(iscep_xml **xml);
#define ISCEP_AUTO_XML __attribute__((cleanup(iscep_xml_cleanup))) iscep_xml

/* Borrowed from the document: for (e = first; e != NULL; e = next). Text between elements is passed over. */
const iscep_xml_element *iscep_xml_root(const iscep_xml *xml);
const iscep_xml_element *iscep_xml_first(const iscep_xml_element *element);
const iscep_xml_element *iscep_xml_next(const iscep_xml_element *element);
const char *iscep_xml_name(const iscep_xml_element *element);
bool iscep_xml_is(const iscep_xml_element *element, const char *name);
/* The first child of this name; NULL: none. */
const iscep_xml_element *iscep_xml_child(const iscep_xml_element *element, const char *name);
int32_t iscep_xml_line(const iscep_xml_element *element);

/* Appends the text as it stands there, spaces included. USAGE "xml_text" if there are elements among it. */
iscep_status iscep_xml_text(iscep_buf *out, const iscep_xml_element *element, iscep_error *err) ISCEP_CHECKED;

#endif
