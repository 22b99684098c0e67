/* See device_file.h: SyncML for ClientCertificateInstall/SCEP, in one atomic command with Enroll as the last. */
#include "device_file.h"

#include <string.h>

#include <openssl/x509.h>

enum { SECONDS_A_MINUTE = 60 };

typedef struct writer {
    iscep_buf *out;
    const char *id;
    unsigned command; /* the number of the last one */
} writer;

static void add(writer *it, const char *node, const char *format, const char *data)
{
    iscep_buf_printf(
        it->out,
        "<Add><CmdID>%u</CmdID><Item><Target><LocURI>./Device/Vendor/MSFT/ClientCertificateInstall/"
        "SCEP/%s/Install/%s</LocURI></Target><Meta><Format xmlns=\"syncml:metinf\">%s</Format></Meta>"
        "<Data>",
        ++it->command, it->id, node, format);
    mock_xml_append(it->out, data);
    iscep_buf_append_text(it->out, "</Data></Item></Add>\n");
}

static void add_number(writer *it, const char *node, int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    add(it, node, "int", text);
}

static iscep_status add_urls(writer *it, const mock_device_file *file, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MOCK_DEVICE_FILE_MAX);
    for (size_t i = 0; i < file->url_count; i++) {
        if (strchr(file->urls[i], ';') != NULL)
            return iscep_error_set(err, ISCEP_USAGE, "url", "Windows has no URLs with a semicolon");
        iscep_buf_printf(&text, "%s%s", i > 0 ? ";" : "", file->urls[i]);
    }
    add(it, "ServerURL", "chr", iscep_buf_text(&text));
    return ISCEP_OK;
}

/* Values in quotes where Microsoft's CertNameToStr has them; a quote inside is doubled. */
static void add_subject(writer *it, const X509_NAME *subject)
{
    char type[MOCK_DEVICE_TYPE_SIZE];
    ISCEP_AUTO_BUF value, text;
    int rdn = -1;
    iscep_buf_init(&value, MOCK_DEVICE_FILE_MAX);
    iscep_buf_init(&text, MOCK_DEVICE_FILE_MAX);
    for (int i = 0; mock_device_subject_at(type, &value, subject, i); i++) {
        int of_rdn = X509_NAME_ENTRY_set(X509_NAME_get_entry(subject, i));
        iscep_buf_printf(&text, "%s%s=\"", i == 0 ? "" : of_rdn == rdn ? "+" : ",", type);
        for (const char *at = iscep_buf_text(&value); *at != '\0'; at++) {
            iscep_buf_append(&text, at, 1);
            if (*at == '"')
                iscep_buf_append(&text, at, 1);
        }
        iscep_buf_append_text(&text, "\"");
        rdn = of_rdn;
    }
    add(it, "SubjectName", "chr", iscep_buf_text(&text));
}

/* AlternativeNameType of certenroll.h. */
static int san_number(const char *type)
{
    static const struct {
        const char *type;
        int number;
    } numbers[] = {{"email", 2}, {"dns", 3}, {"uri", 7}, {"ip", 8}, {"upn", 11}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(numbers[i].type, type) == 0)
            return numbers[i].number;
    return 0;
}

static iscep_status add_sans(writer *it, const iscep_json *sans, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MOCK_DEVICE_FILE_MAX);
    for (const iscep_json *san = iscep_json_first(sans); san != NULL; san = iscep_json_next(san)) {
        const char *value = iscep_json_text(san, "value");
        if (strchr(value, ';') != NULL)
            return iscep_error_set(err, ISCEP_USAGE, "san", "Windows has no names with a semicolon");
        iscep_buf_printf(&text, "%s%d+%s", text.len > 0 ? ";" : "", san_number(iscep_json_text(san, "type")),
                         value);
    }
    add(it, "SubjectAlternativeNames", "chr", iscep_buf_text(&text));
    return ISCEP_OK;
}

static void add_key(writer *it, const mock_profile *profile)
{
    ISCEP_AUTO_BUF usages;
    iscep_buf_init(&usages, MOCK_DEVICE_FILE_MAX);
    add_number(it, "KeyLength", profile->key_length > 0 ? profile->key_length : MOCK_DEVICE_KEY_LENGTH);
    if (profile->demands_key_usage)
        add_number(it, "KeyUsage", profile->key_usage & 0xFF);
    add(it, "HashAlgorithm", "chr", "SHA-2");
    for (size_t i = 0; i < profile->ext_key_usage.count; i++)
        iscep_buf_printf(&usages, "%s%s", i > 0 ? "+" : "", profile->ext_key_usage.items[i]);
    if (usages.len > 0)
        add(it, "EKUMapping", "chr", iscep_buf_text(&usages));
}

iscep_status mock_device_emit_windows(iscep_buf *out, const mock_device_file *file, iscep_error *err)
{
    writer it = {.out = out, .id = file->id};
    iscep_buf challenge = file->challenges[0]; /* read only */
    iscep_buf_append_text(out, "<SyncML xmlns=\"SYNCML:SYNCML1.2\">\n<SyncBody>\n<Atomic><CmdID>0</CmdID>\n");
    iscep_status status = add_urls(&it, file, err);
    add(&it, "Challenge", "chr", iscep_buf_text(&challenge));
    add_subject(&it, file->profile.subject);
    if (status == ISCEP_OK && file->sans != NULL && iscep_json_first(file->sans) != NULL)
        status = add_sans(&it, file->sans, err);
    add_key(&it, &file->profile);
    add_number(&it, "RetryCount", MOCK_DEVICE_RETRIES);
    add_number(&it, "RetryDelay", MOCK_DEVICE_RETRY_DELAY / SECONDS_A_MINUTE);
    iscep_buf_printf(out,
                     "<Exec><CmdID>%u</CmdID><Item><Target><LocURI>./Device/Vendor/MSFT/"
                     "ClientCertificateInstall/SCEP/%s/Install/Enroll</LocURI></Target></Item></Exec>\n"
                     "</Atomic>\n<Final/>\n</SyncBody>\n</SyncML>\n",
                     ++it.command, file->id);
    return status == ISCEP_OK ? mock_xml_check(out, err) : status;
}
