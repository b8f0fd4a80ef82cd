#include "base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace gogrid {
namespace {

// The table is indexed by the enumerator, so its order is part of its meaning.
TEST(ErrorTable, EveryCodeHasItsOwnNameAndReadsBack) {
  for (int index = 0; index <= static_cast<int>(ErrorCode::internal); ++index) {
    const auto code = static_cast<ErrorCode>(index);
    EXPECT_EQ(error_code_from_string(to_string(code)), code);
    EXPECT_GE(http_status(code), 400);
  }
}

TEST(ErrorTable, AnUnknownNameFromANewerPeerIsStillAnError) {
  EXPECT_EQ(error_code_from_string("from_the_future"), ErrorCode::internal);
}

TEST(SystemError, AFullDiskIsToldFromAFullQueueAndSaysSo) {
  const Error error = system_error("write models", ENOSPC);
  EXPECT_EQ(error.code, ErrorCode::disk_full);
  EXPECT_EQ(http_status(error.code), 507);
  EXPECT_EQ(system_error("open", EMFILE).code, ErrorCode::resource_exhausted);
  EXPECT_EQ(error.detail, "write models: No space left on device");
}

TEST(ResultValue, ThrowsTheDetailAtStartUp) {
  const Result<int> result = Error(ErrorCode::io, "no disk");
  EXPECT_THROW(
      {
        try {
          (void)result.value();
        } catch (const std::runtime_error& error) {
          EXPECT_STREQ(error.what(), "no disk");
          throw;
        }
      },
      std::runtime_error);
}

}  // namespace
}  // namespace gogrid
