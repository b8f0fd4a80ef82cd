// Reads servers' JSON into client/queue_types.hpp, by the rules of client/read_json.hpp. Internal to client/. Any
// thread.
#pragma once

#include <nlohmann/json.hpp>

#include "client/queue_types.hpp"
#include "client/read_json.hpp"

namespace gogrid::client {

void read(const nlohmann::json& json, Job& out);
void read(const nlohmann::json& json, StoredFile& out);
void read(const nlohmann::json& json, Batch& out);
void read(const nlohmann::json& json, QueueState& out);
void read(const nlohmann::json& json, UsageRow& out);
void read(const nlohmann::json& json, AuditEntry& out);

// {"data": [...], "has_more": …, "next": …}, in OpenAI's lists "last_id".
template <class T>
void read(const nlohmann::json& json, Page<T>& out) {
  read(json, out.items);
  out.has_more = flag_of(member(json, "has_more"));
  if (!out.has_more) return;
  out.next = text_of(member(json, "next"));
  if (out.next.empty()) out.next = text_of(member(json, "last_id"));
}

}  // namespace gogrid::client
