#include "cli/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/encoding.hpp"

namespace gogrid::cli {

Result<void> SpoolFile::open(const Environment& environment) {
  const char* directory = environment("TMPDIR");
  std::string path = std::string(directory && *directory ? directory : "/tmp") + "/gogrid-XXXXXX";
  descriptor_ = FileDescriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!descriptor_) return system_error("making a temporary file " + path, errno);
  ::unlink(path.c_str());
  return {};
}

Result<void> SpoolFile::append(std::string_view bytes) {
  if (const auto written = write_fully(descriptor_.get(), as_bytes(bytes)); !written)
    return Error(written.error().code, "the temporary file: " + written.error().detail);
  size_bytes_ += bytes.size();
  return {};
}

Result<std::string> SpoolFile::read(std::uint64_t offset, std::size_t size_bytes) const {
  std::string text(size_bytes, '\0');
  std::size_t done = 0;
  while (done < size_bytes) {
    const ssize_t count =
        ::pread(descriptor_.get(), text.data() + done, size_bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return system_error("reading the temporary file", count < 0 ? errno : EIO);
    done += static_cast<std::size_t>(count);
  }
  return text;
}

}  // namespace gogrid::cli
