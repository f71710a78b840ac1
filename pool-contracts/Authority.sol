// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title Who may change parameters, and after which delay
/// @notice OpenZeppelin's AccessManager under the name the protocol gives it. The deployer sets the market up and then gives
/// its role a delay of seven days (`src/chain/deploy.ts`); nothing that users do is restricted.
contract Authority is AccessManager {
    constructor(address initialAdmin) AccessManager(initialAdmin) {}
}
