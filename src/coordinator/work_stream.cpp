#include "coordinator/work_stream.hpp"

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::coordinator {
namespace asio = boost::asio;

asio::awaitable<Result<void>> WorkStream::send(Request request) {
  has_lease_ = request.lease != 0;
  std::string out;
  {
    wire::CoordinatorWorkFrame frame;
    auto& message = *frame.mutable_request();
    message.set_lease(request.lease);
    message.set_resume(request.resume);
    message.set_request_id(std::move(request.id));
    message.set_model_id(std::move(request.model_id));
    message.set_copy(request.copy);
    message.set_method("POST");
    message.set_path(std::string(request.path));
    message.set_content_type("application/json");
    message.set_body_bytes(request.resume ? 0 : request.body.size());
    out = wire::encode_frame(frame);
  }
  std::string_view left = request.resume ? std::string_view() : request.body;
  // The head goes with the first part of the body: most requests are one write.
  while (!out.empty() || !left.empty()) {
    const std::string_view part = left.substr(0, wire::max_data_bytes);
    left.remove_prefix(part.size());
    if (!part.empty()) {
      out.reserve(out.size() + part.size() + 16);
      wire::append_data_frame(out, part);
    }
    const Result<void> written = co_await stream_->write(as_bytes(out));
    if (!written) co_return written.error();
    out.clear();
  }
  // Our side stays open until the end has come: a reset of it is how the worker, which keeps reading, sees that nobody
  // waits.
  co_return Result<void>();
}

asio::awaitable<Result<WorkStream::Part>> WorkStream::next() {
  for (;;) {
    auto part = take_part();
    if (!part) co_return part.error();
    if (*part) {
      if ((*part)->kind == Part::Kind::end && !has_lease_) co_await stream_->finish();
      co_return **std::move(part);
    }
    const auto space = reader_.prepare();
    const auto count = co_await stream_->read_some(space);
    if (!count) co_return count.error();
    if (*count == 0) co_return broken("the stream ended without an end frame");
    reader_.commit(*count);
  }
}

asio::awaitable<void> WorkStream::confirm() {
  // Should it not arrive, the worker offers the answer again, and is told that nobody needs it.
  (void)co_await stream_->finish();
}

Result<std::optional<std::string_view>> WorkStream::take_payload() {
  if (pending_) return std::exchange(pending_, std::nullopt);
  const auto payload = reader_.next();
  if (!payload) return broken(payload.error().detail);
  return *payload;
}

Result<std::optional<WorkStream::Part>> WorkStream::take_part() {
  for (;;) {
    const auto payload = take_payload();
    if (!payload) return payload.error();
    if (!*payload) return std::nullopt;
    if (ended_) return broken("a frame after the end");
    if (const auto data = wire::data_in(**payload)) {
      if (!responded_) return broken("data before the response");
      if (data->empty()) continue;
      auto part = take_data(*data);
      if (!part) return part.error();
      return std::optional(*std::move(part));
    }
    auto part = take_message(**payload);
    if (!part || *part) return part;
  }
}

Result<WorkStream::Part> WorkStream::take_data(std::string_view first) {
  Part part;
  part.kind = Part::Kind::data;
  part.data = first;
  gathered_.clear();
  for (;;) {
    const auto payload = take_payload();
    if (!payload) return payload.error();
    if (!*payload) return part;
    const auto more = wire::data_in(**payload);
    if (!more) {
      pending_ = *payload;
      return part;
    }
    if (gathered_.empty()) gathered_ = first;
    gathered_ += *more;
    part.data = gathered_;
  }
}

Result<std::optional<WorkStream::Part>> WorkStream::take_message(std::string_view payload) {
  auto frame = wire::decode_frame<wire::WorkerWorkFrame>(payload);
  if (!frame) return broken(frame.error().detail);
  Part part;
  switch (frame->kind_case()) {
    case wire::WorkerWorkFrame::kResponse:
      if (std::exchange(responded_, true)) return broken("a second response");
      part.kind = Part::Kind::response;
      part.status = static_cast<int>(std::min<std::uint32_t>(frame->response().status(), 1000));
      if (part.status < 200 || part.status > 599) return broken("a response without a status");
      part.content_type = std::move(*frame->mutable_response()->mutable_content_type());
      return std::optional(std::move(part));
    case wire::WorkerWorkFrame::kEnd: {
      ended_ = true;
      part.kind = Part::Kind::end;
      const auto& end = frame->end();
      if (!end.error_code().empty()) {
        part.failure = Error(error_code_from_string(end.error_code()), end.detail().substr(0, 1024));
      } else if (!responded_) {
        return broken("the end before the response");
      }
      return std::optional(std::move(part));
    }
    // Data in an odd encoding, which ours is not: no peer of this version sends it.
    case wire::WorkerWorkFrame::kData:
      return broken("a malformed data frame");
    // A kind that only newer workers know.
    case wire::WorkerWorkFrame::KIND_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

Error WorkStream::broken(std::string detail) {
  stream_->reset(stream_code::protocol_error);
  return Error(ErrorCode::protocol, std::move(detail));
}

}  // namespace gogrid::coordinator
