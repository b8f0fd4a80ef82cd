// Uploads: takes model files and engine bundles in as many parts as it takes, checks them, and puts them into the
// library: engines and models of one file at once, files of a larger model when add_model() names them. What has
// arrived survives a broken connection and a restart. Owned by the Coordinator, used on the io thread; files are
// written on the pool.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/async_lock.hpp"
#include "base/sha256.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/blob_store.hpp"
#include "coordinator/model_settings.hpp"
#include "coordinator/registry.hpp"

namespace gogrid::coordinator {

class Uploads {
 public:
  Uploads(BlobStore files, store::UploadStore& store, ModelLibrary& models, EngineRegistry& engines, AuditLog& audit,
          const Clock& clock, boost::asio::thread_pool& pool);
  // Once, after models and engines are loaded: finds what was being uploaded and tidies files that belong to nothing.
  Pending<> load();

  struct Progress {
    std::uint64_t offset_bytes = 0;
    std::uint64_t size_bytes = 0;
    // It is in the library, or is a model's file that is whole and checked.
    bool complete = false;
  };
  template <class T>
  using Answer = boost::asio::awaitable<ApiResult<T>>;

  // Starts an upload, or says how far it is. A file that is in the library already is registered at once. `actor`, here
  // and below: who does it, for the audit log.
  Answer<Progress> begin(store::UploadRecord upload, std::string actor);

  // Gives the next bytes, 0 at their end.
  using Source = std::function<boost::asio::awaitable<Result<std::size_t>>(std::span<std::byte>)>;
  // Takes bytes from `offset` on: 409 with the right offset in `param` when that is not where the upload is. What came
  // is kept also when the source breaks off. A newer call for the same upload ends an older one. With the last byte the
  // file is checked and registered. When that fails for a reason that is not the file's (its name was taken meanwhile,
  // the disk is full) it stays: begin() it anew and append() nothing.
  Answer<Progress> append(std::string sha256, std::uint64_t offset, Source source, std::string actor);

  // Makes a model of files that are in the library or complete here, or gives a model of that name and the same weights
  // other files and settings.
  Answer<ModelLibrary::Entry> add_model(ModelSpec spec, std::string actor);
  // Changes what a model is served with.
  Answer<ModelLibrary::Entry> change_model(std::string name_or_id, ModelSettings settings, std::string actor);
  // Takes over a file that was fetched, whose SHA-256 is known to be right; it is as complete as an uploaded one.
  Answer<Progress> adopt(std::filesystem::path file, std::string name, std::string sha256, std::uint64_t size_bytes);

  struct Unfinished {
    store::UploadRecord record;
    Progress progress;
  };
  // The oldest first.
  std::vector<Unfinished> list() const;

  // Of an upload, or of a file in the library.
  ApiResult<Progress> find(const std::string& sha256) const;
  Answer<Progress> remove(std::string sha256, std::string actor);

  // Deletes the file when no model, engine or upload has it any more.
  boost::asio::awaitable<void> discard_blob(std::string sha256);

 private:
  struct Upload {
    store::UploadRecord record;
    std::uint64_t offset_bytes = 0;
    // Of the bytes so far; empty when not all of them went through here (a restart), and while a thread has it.
    std::optional<Sha256> hash;
    // Of the newest append().
    std::uint64_t turn = 0;
    // How many append() run.
    int appending = 0;
    // Its beginning is that of a model or an engine bundle.
    bool header_checked = false;
    // All of it is there and is what its SHA-256 says.
    bool verified = false;
    // Complete, being checked and registered.
    bool finishing = false;
  };
  using Handle = std::shared_ptr<Upload>;
  // While it lives the file is not deleted.
  class Guard {
   public:
    Guard(std::multiset<std::string>& names, const std::string& sha256) : names_(names), place_(names.insert(sha256)) {}
    ~Guard() { names_.erase(place_); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    std::multiset<std::string>& names_;
    std::multiset<std::string>::iterator place_;
  };

  Answer<std::size_t> take_parts(Handle upload, Source source);
  // What an earlier append() stored of a header that is not whole; empty when that is nothing, or too much to hold.
  Answer<std::vector<std::byte>> read_beginning(Handle upload);
  Answer<std::size_t> write_part(Handle upload, std::shared_ptr<FileDescriptor> file, std::vector<std::byte> bytes);
  Answer<Progress> finish(Handle upload, std::string actor);
  // A model's file that stays here until a model is made of it.
  Answer<Progress> keep_file(Handle upload);
  Answer<Progress> add_single_model(store::UploadRecord record, std::string actor);
  // Reads what the file says of itself and adds it to the library: a part, or a blob that is there. 400 when it is the
  // file's fault that this fails; a part is then as it was.
  Answer<Progress> register_engine(store::UploadRecord record, bool is_part, std::string actor);
  Answer<Progress> add_engine(store::UploadRecord record, bool is_part, std::string actor);
  Pending<> put_engine(EngineRecord engine, std::string actor);
  // The steps of add_model().
  ApiResult<std::vector<Handle>> find_parts(const ModelSpec& spec) const;
  Answer<ModelRecord> make_record(const ModelSpec& spec);
  Answer<ModelLibrary::Entry> store_model(ModelSpec spec, std::vector<Handle> parts, std::string actor);
  Answer<ModelLibrary::Entry> store_change(const ModelLibrary::Entry& known, const ModelSettings& settings,
                                           std::string actor);
  Answer<std::optional<domain::ModelFile>> store_template(std::optional<std::string> text);
  // Deletes what `before` had and nothing has any more.
  boost::asio::awaitable<void> discard_files(std::vector<domain::ModelFile> files);
  Pending<> put_model(ModelRecord model, const char* action, std::string detail, std::string actor);
  Pending<> read_missing_shapes();
  boost::asio::awaitable<void> drop(Handle upload);
  boost::asio::awaitable<void> drop_abandoned(std::string except);
  bool is_abandoned(const store::UploadRecord& record) const;
  // With a model of the library.
  std::optional<ErrorResponse> name_conflict(const store::UploadRecord& record) const;
  // Another file is on its way here under that name.
  bool has_rival(const store::UploadRecord& record) const;
  bool is_registered(const std::string& sha256) const;
  Pending<> recover(store::UploadRecord record);

  BlobStore files_;
  store::UploadStore& store_;
  ModelLibrary& models_;
  EngineRegistry& engines_;
  AuditLog& audit_;
  const Clock& clock_;
  boost::asio::thread_pool& pool_;
  std::map<std::string, Handle, std::less<>> uploads_;
  // Files that must not be deleted now, and files that are being deleted.
  std::multiset<std::string> registering_;
  std::set<std::string> discarding_;
  // Models are made and changed one after the other.
  AsyncLock making_;
};

}  // namespace gogrid::coordinator
