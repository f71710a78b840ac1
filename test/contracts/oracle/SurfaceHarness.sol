// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SurfaceDraft} from "../../../pool-contracts/libraries/oracle/SurfaceDraft.sol";
import {ReportHeader, readHeader} from "../../../pool-contracts/types/ReportHeader.sol";
import {Surfaces} from "../../../pool-contracts/types/Surface.sol";
import {SurfaceHeader} from "../../../pool-contracts/types/SurfaceHeader.sol";

/// @notice What the oracle would store of many surface reports, each on a market without a surface, signatures left out.
contract SurfaceHarness {
    Surfaces private _surfaces;

    /// @param reports Packed, from the header to the averages.
    /// @return pages The stored pages of each report; empty where it reverts.
    function drafts(bytes[] calldata reports) external returns (uint256[][] memory pages) {
        pages = new uint256[][](reports.length);
        for (uint256 i = 0; i < reports.length; ++i) {
            try this.draft(reports[i]) returns (uint256[] memory stored) {
                pages[i] = stored;
            } catch {}
        }
    }

    function draft(bytes calldata report) external returns (uint256[] memory) {
        (ReportHeader header,) = readHeader(report);
        return SurfaceDraft.make(_surfaces, SurfaceHeader.wrap(0), 0, header, report, 50).pages;
    }
}
