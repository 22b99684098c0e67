/*
 * A complete host of a SCEP policy plugin in C++17.
 *
 *     c++ -std=c++17 $(pkg-config --cflags scep-plugin) -o cpp_host host.cpp -ldl
 *     ./cpp_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]
 *
 * Arguments, output and exit status are those of ../minimal_host.c, which explains the steps. What C++ adds:
 * - `scep_answer answer;` is uninitialised memory; every struct here comes from sized<T>(), which zeroes it.
 * - No exception may leave a callback: log_line is noexcept, and swallows what is thrown.
 * - The verdict becomes an enum class, which is no truth value; what is forgotten is a refusal.
 * - Plugin is neither copied nor moved, because the plugin keeps the address of host until close.
 */
#include <dlfcn.h>

#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "scep_plugin.h"

using bytes = std::vector<std::uint8_t>;

template <typename T> T sized()
{
    T it{};
    it.size = sizeof it;
    return it;
}

enum class verdict { deny, allow, retry };

struct answer {
    verdict said = verdict::deny;
    std::string code, message;
};

template <std::size_t N> std::string text_of(const char (&chars)[N])
{
    return {chars, strnlen(chars, N)};
}

class plugin {
public:
    plugin(const std::string &path, const std::string &socket) : table_{load(path)}, host_{sized<scep_host>()}
    {
        host_.log = log_line;
        const scep_config_entry config[] = {{"socket", socket.c_str()}};
        auto text = sized<scep_text>();
        if (table_->open(&host_, config, 1, &instance_, &text) != SCEP_OK)
            throw std::runtime_error(std::string(table_->name) + ": " + text_of(text.text));
    }
    ~plugin() { table_->close(instance_); }
    plugin(const plugin &) = delete;
    plugin &operator=(const plugin &) = delete;

    answer verify(const std::string &transaction_id, const bytes &csr) const
    {
        auto request = sized<scep_request>();
        request.message_type = SCEP_MESSAGE_PKCS_REQ;
        fill(request, transaction_id, csr);
        return ask(table_->verify_request, request);
    }

    answer issued(const std::string &transaction_id, const bytes &csr, const bytes &cert) const
    {
        auto issued = sized<scep_issued>();
        fill(issued, transaction_id, csr);
        issued.cert_der = view(cert);
        return ask(table_->notify_issued, issued);
    }

    answer failed(const std::string &transaction_id, const bytes &csr, const std::string &reason) const
    {
        auto failed = sized<scep_failed>();
        fill(failed, transaction_id, csr);
        failed.error_code = 0x80004005u;
        failed.reason = view(reason);
        return ask(table_->notify_failed, failed);
    }

    /* Why requests cannot be decided now; nothing if they can. */
    std::optional<std::string> trouble() const
    {
        auto health = sized<scep_health>();
        const auto status = table_->health(instance_, 2000, &health);
        if (status == SCEP_OK && health.state == SCEP_HEALTH_READY)
            return std::nullopt;
        return text_of(health.code) + ": " + text_of(health.message);
    }

private:
    const scep_plugin *table_;
    scep_host host_;
    scep_instance *instance_ = nullptr;

    static const scep_plugin *load(const std::string &path)
    {
        void *module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        auto entry = module ? reinterpret_cast<scep_plugin_entry_fn>(dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL)) : nullptr;
        if (!entry)
            throw std::runtime_error(dlerror());
        const scep_plugin *table = nullptr;
        const auto status = entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &table);
        if (table && (status == SCEP_ERR_VERSION || table->abi_major != SCEP_PLUGIN_ABI_MAJOR))
            throw std::runtime_error(path + ": " + table->name + " " + table->version + " speaks version " +
                                     version(table->abi_major, table->abi_minor) + " of the ABI, this host " +
                                     version(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR));
        /* cancel is the last member of 1.0's table */
        if (status != SCEP_OK || !table || table->size < SCEP_PLUGIN_SIZE_1_0)
            throw std::runtime_error(path + ": not a usable plugin (error " + std::to_string(status) + ")");
        return table;
    }

    static std::string version(std::uint32_t major, std::uint32_t minor)
    {
        return std::to_string(major) + "." + std::to_string(minor);
    }

    static void log_line(void *, std::int32_t level, const char *message) noexcept
    try {
        std::cerr << std::string(level >= SCEP_LOG_WARN ? "warning: " : "info: ") + message + "\n"; /* on any thread */
    } catch (...) {
    }

    template <typename T> static scep_bytes view(const T &from)
    {
        return {reinterpret_cast<const std::uint8_t *>(from.data()), from.size()};
    }

    template <typename T> static void fill(T &question, const std::string &transaction_id, const bytes &csr)
    {
        question.timeout_ms = 25000;
        question.transaction_id = view(transaction_id);
        question.csr_der = view(csr);
    }

    /* The one place where an answer becomes a yes. */
    template <typename T>
    answer ask(std::int32_t (*function)(scep_instance *, const T *, scep_answer *), const T &question) const
    {
        auto from_plugin = sized<scep_answer>();
        const int32_t status = function(instance_, &question, &from_plugin);
        if (status == SCEP_ERR_NOMEM || status == SCEP_ERR_UNAVAILABLE)
            return {verdict::retry, "plugin_error", ""};
        if (status != SCEP_OK)
            return {verdict::deny, "plugin_error", ""};
        answer result{verdict::deny, text_of(from_plugin.code), text_of(from_plugin.message)};
        if (from_plugin.verdict == SCEP_VERDICT_ALLOW)
            result.said = verdict::allow;
        else if (from_plugin.verdict == SCEP_VERDICT_RETRY)
            result.said = verdict::retry;
        return result;
    }
};

static std::optional<bytes> read_file(const std::string &path)
{
    std::ifstream file{path, std::ios::binary};
    if (!file)
        return std::nullopt;
    return bytes{std::istreambuf_iterator<char>{file}, {}};
}

static verdict tell(const answer &said)
{
    const char *const word = said.said == verdict::allow ? "allow" : said.said == verdict::retry ? "retry" : "deny";
    std::cout << word << " " << said.code << ": " << said.message << "\n";
    return said.said;
}

static verdict run(const std::vector<std::string> &arguments)
{
    const plugin policy{arguments[0], arguments[1]};
    const auto &transaction_id = arguments[2];
    if (const auto trouble = policy.trouble())
        std::cerr << "not ready: " << *trouble << "\n";

    const bytes csr = read_file(arguments[3]).value_or(bytes{});
    const auto decision = tell(policy.verify(transaction_id, csr));
    if (decision != verdict::allow || arguments.size() < 5)
        return decision;
    if (const auto cert = read_file(arguments[4]))
        return tell(policy.issued(transaction_id, csr, *cert));
    tell(policy.failed(transaction_id, csr, "the CA has failed"));
    return verdict::deny;
}

int main(int argc, char **argv)
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 4 && arguments.size() != 5) {
        std::cerr << "usage: cpp_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]\n";
        return 2;
    }
    try {
        const auto decision = run(arguments);
        return decision == verdict::allow ? 0 : decision == verdict::retry ? 3 : 1;
    } catch (const std::exception &problem) {
        std::cerr << problem.what() << "\n";
        return 2;
    }
}
