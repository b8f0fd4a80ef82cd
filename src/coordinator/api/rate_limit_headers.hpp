// The headers by which OpenAI's clients learn how much of a key's limits is left. Pure functions, any thread.
#pragma once

#include <chrono>
#include <string>

#include "domain/scheduler.hpp"
#include "net/http.hpp"

namespace gogrid::coordinator {

// x-ratelimit-limit-requests, -remaining-requests, -reset-requests, and the same for tokens, of the limits there are.
void add_rate_limit_headers(net::Headers& headers, const domain::Scheduler::RateView& requests,
                            const domain::Scheduler::RateView& tokens);

// As OpenAI writes it: "350ms", "1s", "6m0s", "1h0m3s".
std::string to_reset_text(std::chrono::milliseconds duration);

}  // namespace gogrid::coordinator
